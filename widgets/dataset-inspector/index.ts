// The anywidget behind tunebook.widgets.DatasetInspector.
import { panel } from "../shared/host";
import { mount } from "./mount";

export default panel(mount);
