// The anywidget behind tunebook.widgets.HardwarePicker.
import { panel } from "../shared/host";
import { mount } from "./render";

export default panel(mount);
