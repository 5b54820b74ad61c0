// The anywidget behind tunebook.widgets.CheckpointTable.
import { panel } from "../shared/host";
import { mount } from "./render";

export default panel(mount);
