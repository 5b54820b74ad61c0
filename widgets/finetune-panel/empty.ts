// What a stage says before Python has sent a view for it.

import type { Stage, StageId } from "../shared/types";

const toCome: Record<StageId, string> = {
  request: "The instruction is read first.",
  data: "The data set is inspected once the instruction is understood.",
  plan: "The plan follows from the data: hardware, memory, time and price.",
  run: "The curves begin when the run is confirmed.",
  compare: "Checkpoints are compared when training has made some.",
  publish: "The report and the GGUF come last.",
};

const atWork: Record<StageId, string> = {
  request: "Reading the instruction",
  data: "Inspecting the data set",
  plan: "Making the plan",
  run: "Starting the run",
  compare: "Comparing the checkpoints",
  publish: "Making the report and the GGUF",
};

/** One sentence for a stage without a view, and whether work on it is under way. */
export function emptyStage(stage: Stage): { sentence: string; working: boolean } {
  switch (stage.state) {
    case "working":
      return { sentence: stage.note || atWork[stage.id], working: true };
    case "failed":
      return { sentence: stage.note || "This stage failed; what happened stands above.", working: false };
    case "skipped":
      return { sentence: stage.note || "This stage was skipped.", working: false };
    case "done":
      return { sentence: stage.note || "This stage is done and left nothing to show.", working: false };
    default:
      return { sentence: stage.note || toCome[stage.id], working: false };
  }
}
