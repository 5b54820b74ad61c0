// The picker under a hand and a keyboard: what is asked of Python by a click, and what sliders and the grid say at once.

import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { drawn, endAll, type Mounted, mountState, snapshotOf } from "../gallery/mounted";
import { manyPlan, missingPlan, nothingFits, paidPlan } from "../gallery/plans";
import type { PlanView } from "../shared/plan-types";
import type { SoloSnapshot } from "../shared/types";

afterEach(endAll);

const planning = (sent: { kind: string }[]) => sent.filter(({ kind }) => ["choose", "offer", "shape"].includes(kind));
const button = (el: Element, text: string) =>
  [...el.querySelectorAll<HTMLButtonElement>("button")].find(({ textContent }) => textContent?.includes(text));
const sliders = (el: Element) => [...el.querySelectorAll<HTMLInputElement>(".tb-slider input")];
const line = (el: Element) => el.querySelector(".tb-tried-line p")?.textContent?.trim();
const cell = (el: Element, label: string) =>
  [...el.querySelectorAll<HTMLElement>("[role=gridcell]")].find((one) => one.ariaLabel?.startsWith(label));
const rowsOf = (el: Element) =>
  [...el.querySelectorAll(".tb-options tbody:not(.tb-more):not([hidden]) tr")].map((row) => row.querySelector("th"));

/** The same state with changes, as Python would send it. */
const sent = (changes: Partial<SoloSnapshot<PlanView>>) => ({ ...snapshotOf("plan-paid"), seq: 9, ...changes });

async function keys(slider: HTMLInputElement | undefined, pressed: string): Promise<void> {
  slider?.focus();
  await userEvent.keyboard(pressed);
  await drawn();
}

test("the front stands first, the recommended one with its reason, the rest is folded and reachable", async () => {
  const { el } = await mountState("plan-many");
  expect(rowsOf(el).map((row) => row?.textContent)).toEqual([
    "a100-large lorahf-jobs, $2.50/h",
    "h200 lorahf-jobs, $5.00/h",
  ]);
  expect(el.querySelector(".tb-picked")?.textContent).toContain("chosen, recommended: the cheapest that fits");
  const more = button(el, "18 more that fit");
  expect(more?.getAttribute("aria-expanded")).toBe("false");
  more?.click();
  await drawn();
  expect(more?.getAttribute("aria-expanded")).toBe("true");
  expect(rowsOf(el)).toHaveLength(20);
  button(el, "28 that do not fit")?.click();
  await drawn();
  expect(rowsOf(el)).toHaveLength(manyPlan.options.length);
});

test("an option is chosen by its place in the plan, with the keyboard, once", async () => {
  const { el, model } = await mountState("plan-many");
  const choose = el.querySelector<HTMLButtonElement>(".tb-choose");
  expect(choose?.textContent).toBe("Choose h200, lora");
  choose?.focus();
  await userEvent.keyboard("{Enter}{Enter}");
  await drawn();
  const option = manyPlan.options.findIndex(({ flavor, tuning }) => flavor === "h200" && tuning === "lora");
  expect(planning(model.sent)).toEqual([{ kind: "choose", plan_id: manyPlan.plan_id, option }]);
  expect(choose?.disabled).toBe(true);
  expect(choose?.textContent).toContain("Planning");
});

test("a refusal brings the buttons back", async () => {
  const { el, model } = await mountState("plan-paid");
  const choose = el.querySelector<HTMLButtonElement>(".tb-choose");
  choose?.click();
  await drawn();
  expect(choose?.disabled).toBe(true);
  model.update(sent({ problem: { what: "It was not planned.", why: "The flavor is gone.", now: "" } }));
  await drawn();
  expect(choose?.disabled).toBe(false);
  expect(el.querySelector("[role=alert]")?.textContent).toContain("The flavor is gone.");
});

test("what does not fit cannot be chosen, and where nobody answers there is no button at all", async () => {
  const { el } = await mountState("plan-nothing-fits");
  expect(el.querySelector(".tb-choose")).toBeNull();
  const seen = await mountState("plan-only-seen");
  for (const text of ["Choose", "Plan with this"]) expect(button(seen.el, text)).toBeUndefined();
  expect(button(seen.el, "Back to the plan")).toBeDefined();
});

test("an offer says why, what it costs and how to write it, and is taken by its place", async () => {
  const { el, model } = await mountState("plan-nothing-fits");
  const [, second] = el.querySelectorAll(".tb-offers li");
  expect(second?.textContent).toContain(
    "4-bit weights; the learning rate stays. As tuning: qlora, device_batch_size: 1",
  );
  expect(second?.textContent).toContain("3.1 to 4.7 h$2.48 to $3.72");
  button(el, "Train with qlora")?.click();
  await drawn();
  expect(planning(model.sent)).toEqual([{ kind: "offer", plan_id: nothingFits.plan_id, offer: 1 }]);
});

test("a slider moved with the keyboard changes memory, time and price at once, and asks nothing of Python", async () => {
  const { el, model } = await mountState("plan-paid");
  expect(line(el)).toBe("The plan: 2,048 tokens, batch 4, rank 16: 16.2 to 18.7 GiB, 8.8 to 14 min, $0.15 to $0.23");
  const before = model.sent.length;
  await keys(sliders(el)[0], "{ArrowLeft}{ArrowLeft}{ArrowLeft}");
  await keys(sliders(el)[1], "{ArrowRight}");
  await keys(sliders(el)[2], "{End}");
  expect(line(el)).toMatch(/^Not the plan: 768 tokens, batch 8, rank 128: .+ GiB, .+ min, \$.+ to \$.+$/);
  expect(sliders(el).map((one) => one.ariaValueText ?? one.getAttribute("aria-valuetext"))).toEqual([
    "768 tokens",
    "8",
    "128",
  ]);
  expect(el.querySelector(".tb-breakdown")?.textContent).toContain("At its peak, at the loss, it needs");
  expect(model.sent).toHaveLength(before);
});

test("only what differs is asked for, and the way back leads to the plan", async () => {
  const { el, model } = await mountState("plan-paid");
  expect(button(el, "Plan with this")?.disabled).toBe(true);
  expect(button(el, "Back to the plan")?.disabled).toBe(true);
  await keys(sliders(el)[0], "{ArrowLeft}");
  button(el, "Plan with this")?.click();
  await drawn();
  expect(planning(model.sent)).toEqual([{ kind: "shape", plan_id: paidPlan.plan_id, max_length: 1536 }]);
  await keys(sliders(el)[1], "{ArrowLeft}");
  expect(button(el, "Plan with this")?.disabled).toBe(false);
  button(el, "Plan with this")?.click();
  expect(planning(model.sent)[1]).toEqual({
    ...{ kind: "shape", plan_id: paidPlan.plan_id },
    ...{ max_length: 1536, device_batch_size: 2 },
  });
  await keys(sliders(el)[2], "{Home}");
  button(el, "Back to the plan")?.click();
  await drawn();
  expect(line(el)).toMatch(/^The plan: 2,048 tokens, batch 4, rank 16/);
});

test("another plan brings its own values; the same plan sent again leaves the sliders alone", async () => {
  const { el, model } = await mountState("plan-paid");
  await keys(sliders(el)[0], "{Home}");
  model.update(sent({ working: "Planning again" }));
  await drawn();
  expect(line(el)).toContain("Not the plan: 256 tokens");
  const explore = paidPlan.explore && { ...paidPlan.explore, context: { ...paidPlan.explore.context, value: 512 } };
  model.update(sent({ view: { ...paidPlan, plan_id: "another", explore } }));
  await drawn();
  expect(line(el)).toMatch(/^The plan: 512 tokens/);
});

test("arrow keys on the grid set the sliders, one cell takes the tab, and its words say what it holds", async () => {
  const { el } = await mountState("plan-paid");
  const tabbed = () => [...el.querySelectorAll<HTMLElement>("[role=gridcell][tabindex='0']")];
  expect(tabbed().map(({ ariaLabel }) => ariaLabel)).toEqual([
    "2,048 tokens × 4 rows: 16.2 to 18.7 GiB, fits, the plan",
  ]);
  const heard: string[] = [];
  const hear = (event: KeyboardEvent) => heard.push(event.key);
  document.addEventListener("keydown", hear);
  tabbed()[0]?.focus();
  await userEvent.keyboard("{ArrowUp}{ArrowRight}{ArrowRight}");
  await drawn();
  document.removeEventListener("keydown", hear);
  expect(heard).toEqual([]);
  expect(tabbed()).toHaveLength(1);
  expect(document.activeElement).toBe(tabbed()[0]);
  expect(document.activeElement?.ariaLabel).toMatch(/^4,096 tokens × 8 rows: .+ GiB, does not fit$/);
  expect(document.activeElement?.ariaSelected ?? tabbed()[0]?.getAttribute("aria-selected")).toBe("true");
  expect(line(el)).toMatch(/^Not the plan: 4,096 tokens, batch 8, rank 16, checkpointing: .+ of 22, does not fit/);
  expect(button(el, "Plan with this")?.disabled).toBe(true);
  await userEvent.keyboard("{Home}{PageDown}");
  await drawn();
  expect(line(el)).toContain("256 tokens, batch 1");
});

test("a click on a cell sets the sliders too", async () => {
  const { el } = await mountState("plan-paid");
  cell(el, "512 tokens × 16 rows")?.click();
  await drawn();
  expect(line(el)).toContain("Not the plan: 512 tokens, batch 16");
  expect(sliders(el).map(({ value }) => Number(value))).toEqual([1, 4, 2]);
});

test("cells that differ in what they say differ by more than their colour", async () => {
  const { el } = await mountState("plan-many");
  const look = (kind: string) => {
    const found = el.querySelector(`[role=gridcell].tb-${kind}:not([aria-selected=true])`);
    if (!found) throw new Error(`no cell that is ${kind}`);
    return [getComputedStyle(found).backgroundImage === "none", getComputedStyle(found, "::before").content];
  };
  expect([look("fits"), look("tight"), look("no")]).toEqual([
    [true, "none"],
    [false, "none"],
    [true, '"×"'],
  ]);
});

async function select(el: Element, flavor: string): Promise<void> {
  const machines = el.querySelector<HTMLSelectElement>(".tb-sliders select");
  const option = [...(machines?.options ?? [])].find(({ text }) => text.startsWith(flavor));
  if (!machines || !option) throw new Error(`no machine ${flavor}`);
  await userEvent.selectOptions(machines, option);
  await drawn();
}

test("another machine and way are looked at, and planned for by the option's place", async () => {
  const { el, model } = await mountState("plan-paid");
  await select(el, "l4x1");
  button(el, "qlora")?.click();
  await drawn();
  expect(line(el)).toMatch(/^Not the plan: l4x1, qlora, 2,048 tokens, batch 4, rank 16: 15\.4 to 17\.7 GiB/);
  const option = paidPlan.options.findIndex(({ flavor, tuning }) => flavor === "l4x1" && tuning === "qlora");
  button(el, "Plan with this")?.click();
  await drawn();
  await keys(sliders(el)[2], "{ArrowRight}");
  button(el, "Plan with this")?.click();
  expect(planning(model.sent)).toEqual([
    { kind: "choose", plan_id: paidPlan.plan_id, option },
    { kind: "shape", plan_id: paidPlan.plan_id, option, lora_rank: 32 },
  ]);
});

test("where the plan's own machine has no sliders, another is looked at, and never called the plan", async () => {
  const { el, model } = await mountState("plan-paid");
  model.update(
    sent({
      view: { ...paidPlan, plan_id: "here", chosen: { backend: "local", flavor: "this machine", tuning: "lora" } },
    }),
  );
  await drawn();
  expect(line(el)).toMatch(/^Not the plan: t4-small, lora, 2,048 tokens, batch 4, rank 16, checkpointing: /);
  expect(button(el, "Plan with this")?.disabled).toBe(false);
  expect(button(el, "Back to the plan")).toBeUndefined();
});

test("without an adapter the rank stands still and says so", async () => {
  const { el } = await mountState("plan-paid");
  button(el, "full")?.click();
  await drawn();
  expect(sliders(el)[2]?.disabled).toBe(true);
  expect(el.querySelectorAll(".tb-slider output")[2]?.textContent).toBe("no adapter");
  expect(line(el)).toContain("Not the plan: a10g-small, full, 2,048 tokens, batch 4, checkpointing: 12.7 to 14.7 GiB");
});

test.each([1000, 840, 400])("at %d px nothing jumps while a slider moves", async (width) => {
  const { el } = await mountState("plan-paid", { width });
  const tops = () =>
    [".tb-tried-line", ".tb-breakdown", ".tb-stack", ".tb-price", ".tb-heat-told"].map((part) =>
      Math.round((el.querySelector(part)?.getBoundingClientRect().top ?? 0) - el.getBoundingClientRect().top),
    );
  const widths = () => sliders(el).map((one) => one.getBoundingClientRect().width);
  const [before, wide] = [tops(), widths()];
  for (const [at, to] of [
    [0, "{End}"],
    [1, "{End}"],
    [2, "{End}"],
    [0, "{Home}"],
  ] as const) {
    await keys(sliders(el)[at], to);
    expect(tops()).toEqual(before);
    expect(widths()).toEqual(wide);
  }
});

test("the plot shows each option that fits, joins the front and draws the budget; pointing names one", async () => {
  const { el } = await mountState("plan-paid");
  const fitting = paidPlan.options.filter(({ fits }) => fits);
  expect(el.querySelectorAll(".tb-price-frame g > circle")).toHaveLength(fitting.length);
  expect(el.querySelectorAll(".tb-price g.tb-chosen-spot")).toHaveLength(1);
  expect(el.querySelector(".tb-price-frame")?.textContent).toContain("$1.27 left");
  expect(el.querySelector(".tb-price-frame")?.textContent).toContain("$0");
  expect(el.querySelector("polyline")?.getAttribute("points")?.split(" ")).toHaveLength(
    fitting.filter(({ front }) => front).length,
  );
  const svg = el.querySelector(".tb-price-frame > svg");
  const point = el.querySelector(".tb-price g.tb-front:not(.tb-chosen-spot) > circle");
  const { x, y, width, height } = point?.getBoundingClientRect() ?? new DOMRect();
  const at = { clientX: x + width / 2, clientY: y + height / 2, bubbles: true };
  svg?.dispatchEvent(new PointerEvent("pointermove", at));
  await drawn();
  const told = el.querySelector(".tb-price-told")?.textContent ?? "";
  expect(told).not.toContain("a10g-small");
  svg?.dispatchEvent(new MouseEvent("click", at));
  await drawn();
  expect(line(el)).toContain(`Not the plan: ${told.split(":")[0]}`);
  expect(el.querySelectorAll(".tb-price-frame .tb-tried")).toHaveLength(1);
});

test("the picture is hidden from those who hear the page, and says where its numbers are", async () => {
  const { el } = await mountState("plan-paid");
  expect(el.querySelector(".tb-price-frame")?.getAttribute("aria-hidden")).toBe("true");
  expect(el.querySelector(".tb-price figcaption")?.textContent).toContain("the numbers are those of the table above");
});

test("the budget is a sentence, the plan's name stands by the consent, whole in its title", async () => {
  const { el } = await mountState("plan-paid");
  expect(el.querySelector(".tb-budget")?.textContent).toContain(
    "Budget $2.00: $0.42 reserved, $0.31 spent, $1.27 left.",
  );
  expect(el.querySelector(".tb-budget")?.textContent).toContain("Prices of Hugging Face Jobs, read 12 minutes ago.");
  expect(el.querySelector(".tb-consent")?.textContent).toContain("Plan 5f0c2a91d3e8.");
  expect(el.querySelector(`.tb-consent [title="${paidPlan.plan_id}"]`)).not.toBeNull();
});

test("what the account lacks stands by the consent, each with the page that mends it", async () => {
  const { el } = await mountState("plan-missing");
  const lines = [...el.querySelectorAll("[data-testid=tunebook-missing] li")];
  expect(lines.map((one) => one.querySelector(".tb-mono")?.textContent)).toEqual(
    missingPlan.missing.map(({ link }) => link),
  );
  expect(lines[1]?.textContent).toContain("Your token may only read");
});

test("a price that is not known says so", async () => {
  const { el } = await mountState("plan-no-price");
  const prices = [...el.querySelectorAll("td[data-label=price]")].map(({ textContent }) => textContent);
  expect(prices).toEqual(["unknown", "unknown", "unknown"]);
  expect(el.querySelector(".tb-price")).toBeNull();
});

test("sliders never move the consent: the button is of the plan", async () => {
  const { el, model, find }: Mounted = await mountState("panel-needs-you");
  await keys(sliders(el)[0], "{Home}");
  expect(line(el)).toContain("Not the plan");
  expect(find("tunebook-confirm").textContent).toBe("Start, at most $0.42");
  find("tunebook-confirm").click();
  expect(model.sent.at(-1)).toEqual({ kind: "confirm", plan_id: paidPlan.plan_id });
});

test("a large law answers a slider within the frame, grid of 20 by 12 cells and all", async () => {
  const many = (of: number) => Array.from({ length: of }, (_, at) => at + 1);
  const law = {
    parts: many(12).map((at) => `part ${at}`),
    regimes: [...many(11).map((at) => at * 4096), null].map((tokens) => ({
      tokens,
      phases: many(8).map((phase) => ({
        name: `phase ${phase}`,
        bytes: many(12).map((part) => [1e7 * part, 900 * phase, 1e4, 0.1, 1e-3]),
      })),
    })),
    reserve: [1, 1.1] as [number, number],
    card: true,
    context_gib: 0.5,
  };
  const explore = {
    ...(paidPlan.explore as NonNullable<PlanView["explore"]>),
    context: { value: 2048, steps: many(20).map((at) => at * 512) },
    batch: { value: 4, steps: many(12) },
    laws: Object.fromEntries(Object.keys(paidPlan.explore?.laws ?? {}).map((name) => [name, law])),
  };
  const { el, model } = await mountState("plan-paid");
  model.update(sent({ view: { ...manyPlan, chosen: paidPlan.chosen, plan_id: "large", explore } }));
  await drawn();
  expect(el.querySelectorAll("[role=gridcell]")).toHaveLength(240);

  // Drawing waits for the next frame: here it is called at once, so that the time is that of the work.
  const { options } = await import("preact");
  const debounce = options.debounceRendering;
  options.debounceRendering = (draw) => draw();
  const times: number[] = [];
  try {
    for (const to of [...many(19), ...many(19).reverse()]) {
      const [slider] = sliders(el);
      if (!slider) throw new Error("no slider");
      slider.value = String(to);
      const before = performance.now();
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      el.getBoundingClientRect(); // layout is part of the answer
      times.push(performance.now() - before);
      expect(line(el)).toContain(`${((to + 1) * 512).toLocaleString("en-US")} tokens`);
    }
  } finally {
    if (debounce) options.debounceRendering = debounce;
  }
  times.sort((a, b) => a - b);
  console.info(
    `a slider's answer, 240 cells and ${manyPlan.options.length} options: median ${times[19]?.toFixed(1)} ms, most ${times.at(-1)?.toFixed(1)} ms`,
  );
});

test("once the run is confirmed the plan stays to be looked at, and nothing of it can be asked for", async () => {
  const { el, model, find } = await mountState("panel-needs-you");
  expect(button(el, "Plan with this")).toBeDefined();
  model.update({ ...snapshotOf("panel-running"), plan: paidPlan });
  await drawn();
  find("tunebook-tab-plan").click();
  await drawn();
  for (const text of ["Choose", "Plan with this"]) expect(button(el, text)).toBeUndefined();
  await keys(sliders(el)[0], "{Home}");
  expect(line(el)).toContain("Not the plan: 256 tokens");
});
