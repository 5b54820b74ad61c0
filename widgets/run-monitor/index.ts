// The anywidget behind tunebook.widgets.RunMonitor.
import { panel } from "../shared/host";
import { mount } from "./render";

export default panel(mount, { opening: ["since"] });
