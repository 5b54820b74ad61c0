// The anywidget behind tunebook.widgets.FinetunePanel: one model, one snapshot, the four panels and two views in a frame.
import { panel } from "../shared/host";
import { mount } from "./render";

export default panel(mount, { opening: ["hello", "since"] });
