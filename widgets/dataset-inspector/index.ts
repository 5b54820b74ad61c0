// The anywidget behind tunebook.widgets.DatasetInspector.
import { panel } from "../shared/host";
import { mount } from "./render";

export default panel(mount);
