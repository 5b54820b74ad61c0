// Every state of every panel, in each host's light and dark: legible, within its column, and never taken for markup.

import { afterEach, describe, expect, test } from "vitest";
import { contrast, withText } from "./contrast";
import { hosts } from "./hosts";
import { drawn, endAll, mountState } from "./mounted";
import { states } from "./states";

afterEach(() => {
  endAll();
  for (const element of [document.body, document.documentElement]) {
    for (const { name } of [...element.attributes]) element.removeAttribute(name);
  }
});

describe.each([...Object.keys(hosts), "own-dark"])("in %s", (host) => {
  test.each(Object.keys(states))("%s is legible", async (name) => {
    if (host === "own-dark") document.documentElement.setAttribute("theme", "dark");
    else if (host === "own") document.documentElement.setAttribute("theme", "light");
    else hosts[host]?.(document);
    const { el, end } = await mountState(name);
    for (const fold of el.querySelectorAll("details")) fold.open = true;
    await drawn();
    const texts = withText(el);
    expect(texts.length).toBeGreaterThan(0);
    const faint = texts
      .map((text) => ({ ratio: contrast(text), text: text.textContent?.slice(0, 40), class: text.className }))
      .filter(({ ratio }) => ratio < 4.5);
    expect(faint).toEqual([]);
    end();
  });
});

describe.each([1000, 840, 600, 400])("in a column of %d px", (width) => {
  test.each(Object.keys(states))("%s stays within it", async (name) => {
    const { el, end } = await mountState(name, { width });
    for (const fold of el.querySelectorAll("details")) fold.open = true;
    const walked = ["panel-needs-you", "panel-finished", "panel-hostile-request"].includes(name);
    for (const tab of walked ? el.querySelectorAll<HTMLElement>("[role=tab]") : []) {
      tab.click();
      await drawn();
      expect(tooWide(el)).toEqual([]);
    }
    expect(tooWide(el)).toEqual([]);
    end();
  });
});

/** Where a part must end: within the padding of its body, or the panel's own frame. */
function edge(part: Element, el: HTMLElement): number {
  const body = part.parentElement?.closest(".tb-body");
  const inner = body ? Number.parseFloat(getComputedStyle(body).paddingRight) : 0;
  return (body ?? el).getBoundingClientRect().right - inner + 0.5;
}

/** What sticks out of the panel's frame, but for what scrolls by itself. */
function tooWide(el: HTMLElement): string[] {
  const scrolling =
    "pre, svg, .tb-pre, .tb-row-text, .tb-sample-text, .tb-scroll, .tb-unseen, .tb-plot, .tb-facts, [role=tablist]";
  return [...el.querySelectorAll("*")]
    .filter(
      (part) =>
        part.checkVisibility() && !part.closest(scrolling) && part.getBoundingClientRect().right > edge(part, el),
    )
    .map((part) => `${part.tagName} ${part.className}`);
}

test.each(Object.keys(states).filter((name) => name.includes("hostile")))(
  "%s holds no markup from data",
  async (name) => {
    const { el, end } = await mountState(name);
    for (const button of el.querySelectorAll<HTMLElement>("button[aria-expanded=false]")) button.click();
    await drawn();
    expect(el.querySelectorAll("img, script, a, iframe, form").length).toBe(0);
    expect((window as { hacked?: number }).hacked).toBeUndefined();
    expect(getComputedStyle(document.body).display).toBe("block");
    for (const hidden of ["\u202e", "\u202c", "\u200b", "\u0007"]) expect(el.textContent?.includes(hidden)).toBe(false);
    expect(el.textContent?.includes("U+202E")).toBe(true);
    end();
  },
);

test("each part of the panel stands exactly once in every state, those of stages that a run does not have in none", async () => {
  const parts = { data: "dataset-inspector", plan: "hardware-picker", run: "run-monitor", compare: "checkpoint-table" };
  for (const [name, { bundle, snapshot }] of Object.entries(states)) {
    if (bundle !== "finetune-panel") continue;
    const { el, find, end } = await mountState(name);
    const stages = snapshot && "stages" in snapshot ? snapshot.stages.map(({ id }) => String(id)) : Object.keys(parts);
    for (const part of ["panel", "confirm", "cancel"]) find(`tunebook-${part}`);
    for (const [stage, part] of Object.entries(parts)) {
      if (stages.includes(stage)) find(`tunebook-${part}`);
      else expect(el.querySelector(`[data-testid="tunebook-${part}"]`)).toBeNull();
    }
    end();
  }
});

test("in a cell of JupyterLab the head of the panel and of the chart are one line each", async () => {
  const { el } = await mountState("panel-running", { width: 846 });
  const height = (part: string) => el.querySelector(part)?.getBoundingClientRect().height;
  expect(height(".tb-status")).toBeLessThan(40);
  expect(height(".tb-chart-head")).toBeLessThan(30);
});
