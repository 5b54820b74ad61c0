// Rows of data under the hands of a user.

import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { drawn, endAll, mountState } from "../gallery/mounted";
import { states } from "../gallery/states";
import type { PanelSnapshot, SoloSnapshot, DataView as View } from "../shared/types";

afterEach(endAll);

const heading = (el: HTMLElement) => el.querySelector(".tb-rows h3")?.textContent;

test("a finding's example leads to its row; one that is not on the page is only named", async () => {
  const { el } = await mountState("data-findings");
  const [error] = el.querySelectorAll(".tb-findings li");
  expect(error?.textContent).toContain("13 rows lose every answer token");
  expect(error?.querySelectorAll("button[aria-label^='Show row']")).toHaveLength(1);
  error?.querySelector("button")?.click();
  await drawn();
  expect(heading(el)).toBe("Row 6");
});

test("rows turn by button, arrow key and number; a number that is not here is refused in words", async () => {
  const { el } = await mountState("data-findings");
  el.querySelector<HTMLElement>("[aria-label='Next row']")?.click();
  await drawn();
  expect(heading(el)).toBe("Row 1");
  el.querySelector<HTMLElement>("[aria-label='Next row']")?.focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  await drawn();
  expect(heading(el)).toBe("Row 3");
  await userEvent.keyboard("{End}");
  await drawn();
  expect(heading(el)).toBe("Row 7");
  const input = el.querySelector<HTMLInputElement>("[aria-label='Go to row']");
  if (!input) throw new Error("no field for a row number");
  await userEvent.fill(input, "4");
  await userEvent.keyboard("{Enter}");
  await drawn();
  expect(heading(el)).toBe("Row 4");
  await userEvent.fill(input, "412");
  await userEvent.keyboard("{Enter}");
  await drawn();
  expect(heading(el)).toBe("Row 4");
  expect(el.textContent).toContain("Row 412 is not among these 8");
});

test("the tokens put together are the row, each under the role the trainer gave it", async () => {
  const { el } = await mountState("data-findings");
  const { snapshot } = states["data-findings"] ?? {};
  const view = snapshot && "view" in snapshot ? (snapshot as SoloSnapshot<View>).view : null;
  for (const { tokens, index } of view?.preview ?? []) {
    for (const role of ["trained", "masked", "cut"] as const) {
      const seen = [...el.querySelectorAll(`.tb-tokens .tb-${role} .tb-token`)]
        .map((token) => token.textContent)
        .join("");
      const meant = tokens
        .filter((token) => token.role === role)
        .map((token) => token.text)
        .join("");
      expect(seen.replaceAll("↵", "\n"), `${role} of row ${index}`).toBe(meant);
    }
    el.querySelector<HTMLElement>("[aria-label='Next row']")?.click();
    await drawn();
  }
});

test("the roles differ by line as well as by colour", async () => {
  const { el } = await mountState("data-findings");
  const style = (role: string) => {
    const of = el.querySelector(`.tb-legend .tb-${role}`);
    if (!of) throw new Error(`no ${role} in the legend`);
    return getComputedStyle(of);
  };
  expect(style("cut").textDecorationLine).toBe("line-through");
  expect(style("trained").borderBottomStyle).toBe("solid");
  expect(style("masked").borderBottomStyle).toBe("none");
});

test("raw shows the row as it is stored", async () => {
  const { el } = await mountState("data-findings");
  [...el.querySelectorAll<HTMLElement>("button")].find((button) => button.textContent === "raw")?.click();
  await drawn();
  expect(el.querySelector(".tb-raw")?.textContent).toContain('"role": "user"');
});

/** The state with another view of its data. */
async function seen(name: string, change: Partial<View>): Promise<HTMLElement> {
  const snapshot = states[name]?.snapshot as SoloSnapshot<View>;
  const { el, model } = await mountState(name);
  model.update({ ...snapshot, view: { ...snapshot.view, ...change }, seq: 2 } as unknown as PanelSnapshot);
  await drawn();
  return el;
}
const lines = (el: HTMLElement, kind: string) =>
  [...el.querySelectorAll<SVGLineElement>(`.tb-histogram line${kind}`)].map((line) => ({
    x: Number(line.getAttribute("x1")),
    dashes: getComputedStyle(line).strokeDasharray,
  }));

test("the lengths' percentiles are said, and marked by lines that are no cut line", async () => {
  const { el } = await mountState("data-findings");
  const words = "tokens a row: half within 53, 99 % within 148, the longest 231, cut at 128";
  expect(el.querySelector(".tb-histogram figcaption")?.textContent).toBe(words);
  expect(el.querySelector(".tb-histogram svg")?.getAttribute("aria-label")).toBe(words);
  const [half, most, ...none] = lines(el, ".tb-part");
  const [cut] = lines(el, ":not(.tb-part)");
  expect(none).toEqual([]);
  expect(half?.x).toBeLessThan(cut?.x ?? 0);
  expect(most?.x).toBeGreaterThan(cut?.x ?? 0);
  expect(half?.dashes).not.toBe(cut?.dashes);
  const uncut = await seen("data-clean", { tokens: { p50: 53, p99: 148, max: 231, total: 66_240 } });
  expect(uncut.querySelector(".tb-histogram figcaption")?.textContent).toBe(words.replace(", cut at 128", ""));
  expect(lines(uncut, ":not(.tb-part)")).toEqual([]);
});

test("a reward model's rows that are longer than the limit are dropped whole, and none is packed", async () => {
  const el = await seen("data-findings", { lens: { method: "reward", note: "" } });
  const said = el.querySelector(".tb-lengths-say")?.textContent ?? "";
  expect(said).toBe("15 rows are longer and are dropped (1.25 %)64,480 tokens an epoch");
  expect(el.querySelector(".tb-lengths-say .tb-care")?.textContent).toContain("dropped");
  expect(el.querySelector(".tb-lengths")?.textContent).not.toContain("cut at");
});

test("the rows of pairs are never packed; of prompts the histogram alone is there", async () => {
  const pairs = await seen("data-clean", { lens: { method: "dpo", note: "" } });
  expect(pairs.querySelector(".tb-lengths-say")?.textContent).toBe("no row is cut66,240 tokens an epoch");
  const prompts = await seen("data-clean", { lens: { method: "grpo", note: "" }, lengths: [] });
  expect(prompts.querySelectorAll(".tb-histogram rect").length).toBe(20);
  expect(prompts.querySelector(".tb-lengths")).toBeNull();
});

test("the length slider tells at once what a limit cuts, drops and costs, and the line to write", async () => {
  const { el } = await mountState("data-findings");
  const slider = el.querySelector<HTMLInputElement>(".tb-lengths input[type=range]");
  const said = () => el.querySelector(".tb-lengths-say")?.textContent ?? "";
  expect(slider?.getAttribute("aria-valuetext")).toBe("128 tokens");
  expect(said()).toContain("15 rows are cut (1.25 %)");
  expect(said()).toContain("13 rows lose their whole answer and are dropped");
  slider?.focus();
  await userEvent.keyboard("{ArrowLeft}");
  await drawn();
  expect(said()).toContain("241 answer tokens are lost (5.02 %)");
  expect(el.querySelector(".tb-lengths-line code")?.textContent).toBe("max_length: 96");
  expect(el.querySelector(".tb-histogram figcaption")?.textContent).toContain("cut at 96");
  await userEvent.keyboard("{End}");
  await drawn();
  expect(said()).toContain("no row is cut");
  expect(said()).toContain("66,240 tokens an epoch; packed rows would be 98.7 % full");
  expect(el.querySelector(".tb-lengths-line")).toBeNull();
});
