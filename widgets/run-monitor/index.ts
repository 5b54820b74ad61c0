// The anywidget behind tunebook.widgets.RunMonitor.
import { panel } from "../shared/host";
import { mount } from "./mount";

export default panel(mount, { opening: ["since"] });
