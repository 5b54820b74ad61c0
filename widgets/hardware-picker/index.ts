// The anywidget behind tunebook.widgets.HardwarePicker.
import { panel } from "../shared/host";
import { mount } from "./mount";

export default panel(mount);
