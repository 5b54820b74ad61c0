// A part of the panel is sent when it is first looked at, once, and a failing one is said in one sentence.

import { afterEach, expect, test, vi } from "vitest";
import { drawn, endAll, mountState, partsHere, partText, snapshotOf } from "../gallery/mounted";

afterEach(endAll);

const asked = (sent: { kind: string }[]) => sent.filter(({ kind }) => kind === "part");
const said = (el: Element) => el.querySelector(".tb-to-come")?.textContent;

test("the curve is asked for when the run is looked at, once, and drawn when it is there", async () => {
  const { el, model, find } = await mountState("panel-finished");
  expect(asked(model.sent)).toEqual([]);
  find("tunebook-tab-run").click();
  await drawn();
  await partsHere(el);
  expect(asked(model.sent)).toEqual([{ kind: "part", name: "run-monitor" }]);
  expect(el.querySelector("canvas")).not.toBeNull();
  find("tunebook-tab-compare").click();
  await drawn();
  find("tunebook-tab-run").click();
  model.update({ ...snapshotOf("panel-finished"), seq: 99 });
  await drawn();
  expect(asked(model.sent)).toHaveLength(1);
});

test.each([1000, 400])("at %d px nothing moves when the curve comes", async (width) => {
  const { el, model } = await mountState("panel-running", { part: null, width });
  const top = () => el.querySelector(".tb-facts")?.getBoundingClientRect().top ?? 0;
  expect(said(el)).toBe("The curve is on its way");
  const before = top();
  model.reply({ kind: "part", name: "run-monitor", text: await partText("run-monitor") });
  await partsHere(el);
  expect(el.querySelector("canvas")).not.toBeNull();
  expect(Math.abs(top() - before)).toBeLessThan(1);
});

test("a part that Python does not have is one sentence, and can be asked for again", async () => {
  const { el, model } = await mountState("panel-running", { part: async () => Promise.reject("it was not built") });
  await drawn();
  expect(said(el)).toBe("The curve is not here: it was not built. Try again");
  model.part = partText;
  el.querySelector<HTMLElement>(".tb-to-come button")?.click();
  await vi.waitFor(() => expect(el.querySelector("canvas")).not.toBeNull());
});

test("text that is no part is one sentence", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const wrong = [
    "not (JavaScript",
    "export default 1",
    'export default (require) => require("shared/of-another-version")',
  ];
  for (const text of wrong) {
    const { el, end } = await mountState("panel-running", { part: async () => text });
    await vi.waitFor(() =>
      expect(said(el)).toMatch(/^The curve is not here: it could not be loaded \(.+\)\. Try again$/),
    );
    end();
  }
  expect(error).toHaveBeenCalledTimes(wrong.length);
  error.mockRestore();
});

test("a kernel that does not answer is said after a while, and what comes late is taken", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const { el, model } = await mountState("panel-running", { part: null });
    vi.advanceTimersByTime(21_000);
    await drawn();
    expect(said(el)).toBe("The curve is not here: the kernel has not answered, it may be busy. Try again");
    model.reply({ kind: "part", name: "run-monitor", text: await partText("run-monitor") });
    await vi.waitFor(() => expect(el.querySelector("canvas")).not.toBeNull());
  } finally {
    vi.useRealTimers();
  }
});

test("a kernel that cannot be reached is said at once", async () => {
  const { el, model, find } = await mountState("panel-finished", { part: null });
  model.send = () => {
    throw new Error("comm is closed");
  };
  find("tunebook-tab-run").click();
  await drawn();
  await drawn();
  expect(said(el)).toBe("The curve is not here: the kernel cannot be reached. Try again");
});

test("a part that comes after the view has gone is let go", async () => {
  const { el, model, end } = await mountState("panel-running", { part: null });
  end();
  model.reply({ kind: "part", name: "run-monitor", text: await partText("run-monitor") });
  await drawn();
  expect(el.childElementCount).toBe(0);
  expect(model.listening).toBe(0);
});

test("the table of the rows comes with its look, and one that does not come is a line above the page of rows", async () => {
  const { el } = await mountState("panel-data-table");
  const grid = el.querySelector("[role=grid]");
  expect(grid && getComputedStyle(grid).borderTopWidth).toBe("1px");
  endAll();

  const refused = await mountState("panel-data-table", { part: async () => Promise.reject("it was not built") });
  await vi.waitFor(() =>
    expect(refused.el.querySelector("[role=alert]")?.textContent).toBe(
      "The rows cannot be shown as a table.What draws it is not here: it was not built. Open this tab again to try it once more.",
    ),
  );
  expect(refused.el.querySelector(".tb-opened-row")).not.toBeNull();
  expect(refused.el.querySelector(".tb-table-coming")).toBeNull();
  refused.model.part = partText;
  refused.find("tunebook-tab-plan").click();
  await drawn();
  refused.find("tunebook-tab-data").click();
  await vi.waitFor(() => expect(refused.el.querySelector("[role=grid]")).not.toBeNull());
  expect(refused.el.querySelector("[role=alert]")).toBeNull();
});
