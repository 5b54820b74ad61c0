// The loss chart, which a FinetunePanel is sent when its run is first looked at: its points come from the kernel as well.
export { Loss } from "./loss";
