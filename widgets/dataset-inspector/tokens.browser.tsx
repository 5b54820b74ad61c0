// The tokens of any row that is opened, and what another length limit would make of it.

import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import type { FakeModel } from "../gallery/fake-model";
import { row as rowOf } from "../gallery/fixtures";
import { drawn, endAll, mountState } from "../gallery/mounted";

afterEach(endAll);

const need = <T extends Element>(el: Element, selector: string): T => {
  const found = el.querySelector<T>(selector);
  if (!found) throw new Error(`nothing is ${selector}`);
  return found;
};
const heading = (el: Element) => need(el, ".tb-opened-row h3").textContent;
const text = (el: Element) => need(el, ".tb-row-text").textContent ?? "";
const note = (el: Element) => need(el, ".tb-row-foot [role=status]").textContent?.trim() ?? "";
const legend = (el: Element) => need(el, ".tb-legend").textContent ?? "";
const settled = async () => {
  for (let at = 0; at < 4; at += 1) await drawn();
};
const open = async (el: Element, row: number) => {
  need<HTMLElement>(el, `.tb-grid-row:nth-child(${row + 1})`).click();
  await settled();
};
const turn = async (el: Element, key: string) => {
  need<HTMLElement>(el, ".tb-row-text").focus();
  await userEvent.keyboard(key);
  await settled();
};
const asked = (model: FakeModel) => model.sent.filter((request) => request.kind === "tokens");
const slide = async (el: Element, keys: string) => {
  need<HTMLElement>(el, ".tb-lengths input").focus();
  await userEvent.keyboard(keys);
  await drawn();
};

test("a row of the page has its tokens at once; any other is asked for, with those near it", async () => {
  const { el, model } = await mountState("table-ready");
  await settled();
  await open(el, 2);
  expect(legend(el)).toContain("trained 2");
  expect(asked(model)).toEqual([]);
  await open(el, 11);
  expect(model.asked("tokens")).toMatchObject({ row: 11, near: [12, 10, 13, 14, 15, 16, 17, 18, 9] });
  expect(text(el)).toContain("clockmaker<|im_end|>");
  expect(legend(el)).toContain("trained 2");
});

test("turning rows with the arrow keys does not wait for those that are near", async () => {
  const { el, model } = await mountState("table-ready");
  await settled();
  await open(el, 17);
  for (const row of [18, 19, 20]) {
    const before = asked(model).length;
    await turn(el, "{ArrowRight}");
    expect(heading(el)).toBe(`Row ${row}`);
    expect(need(el, ".tb-tokens").textContent).toContain("<|im_start|>");
    // Whatever was asked for by then is of rows that are still to come.
    for (const request of asked(model).slice(before)) expect(request).not.toMatchObject({ row });
  }
});

test("until the tokens are there the row can be read, and what it waits for is said", async () => {
  const { el, model } = await mountState("table-tokens-loading");
  await settled();
  expect(heading(el)).toBe("Row 11");
  expect(need(el, ".tb-turns").textContent).toContain("clockmaker");
  expect(note(el)).toBe("Loading the tokenizer and TRL");
  const top = () => need(el, ".tb-row-text").getBoundingClientRect();
  const height = el.getBoundingClientRect().height;
  const before = top().height;
  const { id } = model.asked("tokens");
  model.reply({ kind: "table", of: "tokens", id, seen: rowOf(11, "What is it?", "person"), near: [] });
  await settled();
  expect(text(el)).toContain("person<|im_end|>");
  expect(note(el)).toBe("");
  expect(top().height).toBe(before);
  expect(el.getBoundingClientRect().height).toBe(height);
});

test("an answer that comes for a row that is not open any more changes nothing", async () => {
  const { el, model } = await mountState("table-tokens-loading");
  const { id } = model.asked("tokens");
  await turn(el, "{ArrowRight}");
  model.reply({ kind: "table", of: "tokens", id, error: "The trainer cannot read this row." });
  await settled();
  expect(heading(el)).toBe("Row 12");
  expect(note(el)).toBe("Loading the tokenizer and TRL");
});

test("a request that another view of the panel overtook is made again", async () => {
  const { el, model } = await mountState("table-tokens-loading");
  await settled();
  const first = model.asked("tokens");
  model.reply({ kind: "table", of: "tokens", id: first.id, cancelled: true });
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(model.asked("tokens")).toMatchObject({ row: 11 });
  expect(model.asked("tokens").id).not.toBe(first.id);
  expect(el.querySelectorAll(".tb-stop").length).toBe(1); // the finding's; of the row nothing is wrong
});

test("a row that the template refuses and one that TRL drops say so in one line, and can be read", async () => {
  const refused = await mountState("table-tokens-refused");
  await settled();
  expect(note(refused.el)).toContain("The trainer cannot read this row (TemplateError");
  expect(refused.el.querySelector(".tb-turns")).not.toBeNull();
  const dropped = await mountState("table-tokens-dropped");
  await settled();
  expect(note(dropped.el)).toBe("TRL drops this row: none of its tokens would be trained.");
  expect(dropped.el.querySelector(".tb-turns")).not.toBeNull();
  [...dropped.el.querySelectorAll<HTMLElement>(".tb-choice button")].find((way) => way.textContent === "raw")?.click();
  await settled();
  expect(note(dropped.el)).toBe("");
});

test("without a model no row is asked for", async () => {
  const { el, model } = await mountState("table-conversation");
  await settled();
  expect(asked(model)).toEqual([]);
  expect([...el.querySelectorAll(".tb-choice button")].map((way) => way.textContent)).toEqual(["conversation", "raw"]);
});

test("both answers of a pair are seen, and their tokens are counted together", async () => {
  const { el } = await mountState("table-pairs");
  await settled();
  const [chosen, rejected] = [...el.querySelectorAll(".tb-sequences > div")].map((part) => part.textContent);
  expect(chosen).toMatch(/^chosen.*animal<\|im_end\|>$/s);
  expect(rejected).toMatch(/^rejected.*it could be anything<\|im_end\|>$/s);
  expect(legend(el)).toContain("trained 11");
});

test("what is trained where nothing of the row is says the method in one line", async () => {
  const { el } = await mountState("table-prompts");
  await settled();
  expect(need(el, ".tb-row-foot").textContent).toContain("of a row only its prompt is read");
  expect(note(el)).toBe("");
});

test("the slider cuts the open row at once, drops it where nothing is left, and asks Python nothing", async () => {
  const { el, model } = await mountState("table-ready");
  await settled();
  await open(el, 6);
  const cut = () => need(el, ".tb-row-text").querySelectorAll(".tb-cut .tb-token").length;
  const planned = { cut: cut(), legend: legend(el) };
  expect(planned.cut).toBeGreaterThan(5);
  expect(planned.legend).toContain(`cut ${planned.cut}after 128 tokens`);
  const sent = model.sent.length;
  await slide(el, "{End}");
  expect(cut()).toBe(0);
  expect(legend(el)).toContain(`trained ${2 + planned.cut}`);
  expect(legend(el)).toContain("if cut at 232 tokens");
  await slide(el, "{Home}{ArrowRight}"); // 48: within what was cut before
  const total = el.querySelectorAll(".tb-row-text .tb-token").length;
  expect(cut()).toBe(total - 48);
  expect(legend(el)).toContain(`cut ${total - 48}`);
  expect(note(el)).toBe("");
  await slide(el, "{Home}"); // 16
  expect(cut()).toBe(total);
  expect(note(el)).toBe("TRL drops this row: cut at 16 tokens, it has nothing left to train on.");
  await slide(el, "{ArrowRight}{ArrowRight}{ArrowRight}{ArrowRight}"); // the plan's own again
  expect({ cut: cut(), legend: legend(el) }).toEqual(planned);
  expect(model.sent.length).toBe(sent);
});

test("the page of rows is cut by the slider as well", async () => {
  const { el } = await mountState("data-findings");
  await slide(el, "{Home}");
  expect(note(el)).toContain("TRL drops this row");
  expect(need(el, ".tb-row-text").querySelector(".tb-trained")).toBeNull();
});
