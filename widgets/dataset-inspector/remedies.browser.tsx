// Remedies, what was chosen, methods and the model: asked of Python by a click, and quiet until it has answered.

import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { drawn, endAll, mountState, snapshotOf } from "../gallery/mounted";

afterEach(endAll);

const button = (el: Element, text: string) =>
  [...el.querySelectorAll<HTMLButtonElement>("button")].find(({ textContent }) => textContent?.includes(text));
const asked = (sent: { kind: string }[], kind: string) => sent.filter((one) => one.kind === kind);

test("a remedy is asked for once, by the finding's key, and stays quiet until what is shown is new", async () => {
  const { el, model } = await mountState("data-findings");
  expect(el.textContent).toContain("Leave these 90 rows out as leave_out: K13");
  const press = button(el, "Leave these 90 rows out");
  press?.click();
  press?.click();
  await drawn();
  expect(asked(model.sent, "fix")).toEqual([{ kind: "fix", finding: "K13" }]);
  expect(press?.disabled).toBe(true);
  expect(press?.textContent).toBe("Looking again");
  model.update(snapshotOf("data-chosen"));
  await drawn();
  expect(button(el, "Leave these 90 rows out")).toBeUndefined();
  expect(el.querySelector(".tb-chosen code")?.textContent).toBe("leave_out: K13max_length: 231");
  expect(el.querySelector(".tb-chosen")?.textContent).toContain("90 rows are left out; the file stays as it is");
});

test("a finding without a safe remedy has no button", async () => {
  const { el } = await mountState("data-findings");
  const [, , info] = el.querySelectorAll(".tb-findings li");
  expect(info?.textContent).toContain("Every row has the same system prompt");
  expect(info?.querySelector(".tb-remedy")).toBeNull();
});

test("what was chosen is taken back field by field", async () => {
  const { el, model } = await mountState("data-chosen");
  button(el, "Take max_length back")?.click();
  await drawn();
  expect(asked(model.sent, "take_back")).toEqual([{ kind: "take_back", field: "max_length" }]);
});

test("each method says why, and its mapping is code that can be copied", async () => {
  const { el, model } = await mountState("data-findings");
  const fold = [...el.querySelectorAll("details")].find(({ textContent }) => textContent?.startsWith("Fits SFT, GRPO"));
  expect(fold?.textContent).toContain("SFT ready, follows from the structure: every answer is learned");
  expect(fold?.textContent).toContain("DPO no: there are no pairs");
  expect(fold?.querySelector("pre")?.textContent).toContain("def to_trl(row):");
  if (fold) fold.open = true;
  button(el, "See the rows as GRPO does")?.click();
  expect(asked(model.sent, "see_as")).toEqual([{ kind: "see_as", method: "grpo" }]);
});

test("after a stop, or a table that failed, the same model can be looked with again", async () => {
  const { el, model } = await mountState("table-ready");
  expect(button(el, "Look")?.disabled).toBe(true);
  const state = snapshotOf("table-ready");
  for (const [seq, wrong] of [
    { problem: { what: "Stopped.", why: "", now: "" } },
    { table_problem: "No." },
  ].entries()) {
    model.update({ ...state, ...wrong, seq: seq + 2 });
    await drawn();
    expect(button(el, "Look")?.disabled).toBe(false);
    button(el, "Look")?.click();
  }
  const again = { kind: "see_as", model: "HuggingFaceTB/SmolLM2-135M-Instruct" };
  expect(asked(model.sent, "see_as")).toEqual([again, again]);
});

test("a model is named with the keyboard alone", async () => {
  const { el, model } = await mountState("data-without-model");
  const field = el.querySelector<HTMLInputElement>(".tb-see-as input");
  if (!field) throw new Error("no field for a model");
  expect(button(el, "Look")?.disabled).toBe(true);
  await userEvent.fill(field, "Qwen/Qwen3-0.6B");
  await userEvent.keyboard("{Enter}");
  expect(asked(model.sent, "see_as")).toEqual([{ kind: "see_as", model: "Qwen/Qwen3-0.6B" }]);
});
