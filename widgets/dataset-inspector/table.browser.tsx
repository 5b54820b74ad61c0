// The table under the hands of a user: any number of rows, by mouse, wheel and key.

import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { drawn, endAll, mountState } from "../gallery/mounted";
import { states } from "../gallery/states";
import type { InspectorSnapshot } from "../shared/types";
import { rowHeight, tallest } from "./scaling";

afterEach(endAll);

const need = <T extends Element>(el: Element, selector: string): T => {
  const found = el.querySelector<T>(selector);
  if (!found) throw new Error(`nothing is ${selector}`);
  return found;
};
const grid = (el: Element) => need<HTMLElement>(el, "[role=grid]");
const scroller = (el: Element) => need<HTMLElement>(el, ".tb-grid-scroll");
const heading = (el: Element) => need(el, ".tb-opened-row h3").textContent;
const status = (el: Element) => need(el, ".tb-tools [role=status]").textContent;
/** The numbers of the rows that can be seen, from the top. */
const seen = (el: Element): string[] => {
  const box = scroller(el).getBoundingClientRect();
  const head = need(el, ".tb-grid-head").getBoundingClientRect().height;
  return [...el.querySelectorAll(".tb-grid-row")]
    .filter((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return top >= box.top + head - 1 && bottom <= box.bottom + 1;
    })
    .map((row) => row.querySelector("[role=rowheader]")?.textContent ?? "");
};
const settled = async () => {
  for (let at = 0; at < 4; at += 1) await drawn();
};
const field = async (el: Element, name: string, value: string) => {
  const input = need<HTMLInputElement>(el, name === "where" ? ".tb-where input" : "input[type=search]");
  await userEvent.fill(input, value);
  input.focus();
  await userEvent.keyboard("{Enter}");
  await settled();
};

test("ten million rows are a grid of as many, of which a few are drawn", async () => {
  const { el } = await mountState("table-10m");
  await settled();
  expect(grid(el).getAttribute("aria-rowcount")).toBe("10000001");
  expect(el.querySelectorAll(".tb-grid-row").length).toBeLessThan(40);
  expect(need<HTMLElement>(el, ".tb-grid-space").offsetHeight).toBe(tallest);
  expect(seen(el).slice(0, 2)).toEqual(["0", "1"]);
  const [line] = el.querySelectorAll(".tb-grid-row");
  expect(line?.getAttribute("aria-rowindex")).toBe("2");
  expect(line?.textContent).toContain("user: What kind of thing is this?↵owl  assistant: animal");
});

test("the scrollbar reaches the last row, and the middle of the rows is in its middle", async () => {
  const { el } = await mountState("table-10m");
  scroller(el).scrollTop = 1e9;
  await settled();
  expect(seen(el).at(-1)).toBe("9,999,999");
  scroller(el).scrollTop = (scroller(el).scrollHeight - scroller(el).clientHeight) / 2;
  await settled();
  const middle = Number(seen(el)[0]?.replaceAll(",", ""));
  expect(Math.abs(middle - 5_000_000)).toBeLessThan(200);
});

test("a wheel turns by rows, not by the scale of the scrollbar, and each row comes once", async () => {
  const { el } = await mountState("table-10m");
  scroller(el).scrollTop = 1_000_000;
  await settled();
  const before = Number(seen(el)[0]?.replaceAll(",", ""));
  for (let at = 0; at < 5; at += 1) {
    scroller(el).dispatchEvent(new WheelEvent("wheel", { deltaY: rowHeight, bubbles: true, cancelable: true }));
    await drawn();
  }
  await settled();
  const after = seen(el).map((number) => Number(number.replaceAll(",", "")));
  expect(after[0]).toBe(before + 5);
  expect(after).toEqual(after.map((_, at) => before + 5 + at));
});

test("keys walk the rows: arrows, pages, both ends, and Enter opens", async () => {
  const { el } = await mountState("table-10m");
  await settled();
  grid(el).focus();
  await userEvent.keyboard("{ArrowDown}{ArrowDown}{ArrowDown}{Enter}");
  await settled();
  expect(heading(el)).toBe("Row 3");
  await userEvent.keyboard("{End}");
  await settled();
  expect(seen(el).at(-1)).toBe("9,999,999");
  await userEvent.keyboard("{Enter}");
  await settled();
  expect(heading(el)).toBe("Row 9,999,999");
  await userEvent.keyboard("{PageUp}{ArrowUp}{Enter}");
  await settled();
  expect(heading(el)).toBe("Row 9,999,989");
  await userEvent.keyboard("{Home}{PageDown}{Enter}");
  await settled();
  expect(heading(el)).toBe("Row 9");
  const active = grid(el).getAttribute("aria-activedescendant") ?? "";
  expect(document.getElementById(active)?.closest("[role=row]")?.getAttribute("aria-rowindex")).toBe("11");
  expect(document.activeElement).toBe(grid(el));
});

test("a row that is not here yet is opened when it comes", async () => {
  const { el } = await mountState("table-10m");
  grid(el).focus();
  for (const key of ["End", "Enter"]) {
    grid(el).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  }
  await settled();
  expect(heading(el)).toBe("Row 9,999,999");
});

test("keys of the grid do not reach the notebook", async () => {
  const { el } = await mountState("table-ready");
  const heard: string[] = [];
  const listen = (event: KeyboardEvent) => heard.push(event.key);
  document.body.addEventListener("keydown", listen);
  grid(el).focus();
  await userEvent.keyboard("dd{ArrowDown}x{Enter}");
  need<HTMLInputElement>(el, "input[type=search]").focus();
  await userEvent.keyboard("dd");
  document.body.removeEventListener("keydown", listen);
  expect(heard).toEqual([]);
});

test("the heads of the columns are reached by key: Enter sorts, Space tells what a column holds", async () => {
  const { el, model } = await mountState("table-ready");
  await settled();
  grid(el).focus();
  await userEvent.keyboard("{ArrowUp}{ArrowRight}{ArrowRight}{Enter}");
  await settled();
  expect(model.asked("view").sort).toEqual({ column: "score", descending: false });
  expect(need(el, "[aria-sort=ascending]").textContent).toContain("score");
  await userEvent.keyboard("{ArrowUp}{Enter}");
  await settled();
  expect(model.asked("view").sort).toEqual({ column: "score", descending: true });
  await userEvent.keyboard(" ");
  await settled();
  expect(need(el, ".tb-drawer h3").textContent).toBe("score");
  expect(need(el, ".tb-drawer").textContent).toContain("50.2");
  expect(el.querySelectorAll(".tb-drawer rect").length).toBe(24);
  need<HTMLElement>(el, ".tb-drawer [aria-label=Close]").click();
  await settled();
  expect(el.querySelector(".tb-drawer")).toBeNull();
});

test("a click on a head sorts up, then down, then not at all", async () => {
  const { el, model } = await mountState("table-ready");
  await settled();
  const scores = () => [...el.querySelectorAll(".tb-grid-row")].slice(0, 5).map((row) => row.children[3]?.textContent);
  const click = async () => {
    [...el.querySelectorAll<HTMLElement>(".tb-grid-sort")].find((head) => head.textContent?.includes("score"))?.click();
    await settled();
  };
  const plain = scores();
  await click();
  const up = scores().map(Number);
  expect(up).toEqual([...up].sort((a, b) => a - b));
  await click();
  expect(Number(scores()[0])).toBeGreaterThan(99);
  await click();
  expect(scores()).toEqual(plain);
  expect(model.asked("view").sort).toBeNull();
});

test("a search and a condition narrow the rows, and both are taken back by one click", async () => {
  const { el, model } = await mountState("table-ready");
  await settled();
  await field(el, "search", "HAMMER");
  expect(status(el)).toBe("150 of 1,200 rows");
  expect(need(el, "mark").textContent?.toLowerCase()).toBe("hammer");
  await field(el, "where", "score > 90");
  expect(model.asked("view")).toMatchObject({ search: "HAMMER", where: "score > 90" });
  const both = Number(status(el)?.split(" ")[0]);
  expect(both).toBeGreaterThan(0);
  expect(both).toBeLessThan(150);
  [...el.querySelectorAll<HTMLElement>("button")].find((button) => button.textContent === "Show all")?.click();
  await settled();
  expect(status(el)).toBe("1,200 rows");
  expect(need<HTMLInputElement>(el, "input[type=search]").value).toBe("");
});

test("a condition that does not work is one line; the rows stay", async () => {
  const { el } = await mountState("table-ready");
  await settled();
  const before = seen(el);
  await field(el, "where", "nope = 1");
  expect(need(el, ".tb-tools [role=alert]").textContent).toContain('column "nope" not found');
  expect(seen(el)).toEqual(before);
  await field(el, "where", "score > 90");
  expect(el.querySelector(".tb-tools [role=alert]")).toBeNull();
});

test("a finding's rows are opened and shown alone", async () => {
  const { el, model } = await mountState("table-ready");
  await settled();
  need<HTMLElement>(el, "[aria-label='Show row 412']").click();
  await settled();
  expect(heading(el)).toBe("Row 412");
  [...el.querySelectorAll<HTMLElement>("button")]
    .find((button) => button.textContent?.includes("Show the first 6"))
    ?.click();
  await settled();
  expect(model.asked("view").rows).toEqual([6, 412, 418, 733, 900, 1011]);
  expect(seen(el)).toEqual(["6", "412", "418", "733", "900", "1,011"]);
  expect(status(el)).toContain("13 rows lose every answer token");
});

test("an open row is a conversation, the trainer's tokens where they are here, and raw", async () => {
  const { el } = await mountState("table-ready");
  await settled();
  expect(need(el, ".tb-opened-row .tb-tokens").textContent).toContain("nocturnal bird");
  const choose = async (way: string) => {
    [...el.querySelectorAll<HTMLElement>(".tb-choice button")].find((button) => button.textContent === way)?.click();
    await settled();
  };
  await choose("conversation");
  const roles = [...el.querySelectorAll(".tb-turn .tb-label")].map((role) => role.textContent);
  expect(roles).toEqual(["system", "user", "assistant"]);
  await choose("raw");
  expect(need(el, ".tb-stored").textContent).toContain('"role": "user"');
  need<HTMLElement>(el, ".tb-opened-row [aria-label='Next row']").click();
  await settled();
  expect(heading(el)).toBe("Row 1");
});

test("a search that runs says how far it is, shows its hits, and can be stopped", async () => {
  const { el, model } = await mountState("table-slow");
  await settled();
  await field(el, "search", "owl");
  expect(status(el)).toContain("Looking…");
  const { id } = model.asked("view");
  model.reply({ kind: "table", of: "view", id, count: 12, share: 0.25 });
  await settled();
  expect(status(el)).toContain("12 rows so far, 25 % looked at");
  expect(model.asked("page").view).toBe(id);
  expect(grid(el).getAttribute("aria-rowcount")).toBe("13");
  [...el.querySelectorAll<HTMLElement>("button")].find((button) => button.textContent === "Stop")?.click();
  expect(model.sent.at(-1)).toEqual({ kind: "cancel", of: "view" });
  model.reply({ kind: "table", of: "view", id, cancelled: true });
  await settled();
  expect(status(el)).toBe("12 of 10,000,000 rows");
});

test("the table is there while the inspection runs, and stays as it was when that has ended", async () => {
  const { el, model } = await mountState("table-not-checked-yet");
  await settled();
  expect(el.textContent).toContain("Reading /home/me/data/kinds.jsonl");
  scroller(el).scrollTop = 28 * 500;
  await settled();
  expect(seen(el)[0]).toBe("500");
  const checked = states["table-ready"]?.snapshot as InspectorSnapshot;
  model.update({ ...checked, seq: 2 });
  await settled();
  expect(el.textContent).toContain("13 rows lose every answer token");
  expect(seen(el)[0]).toBe("500");
});

test("a page that takes long is asked for once, until something else is in sight", async () => {
  const { el, model } = await mountState("table-slow-pages");
  const pages = () => model.sent.filter(({ kind }) => kind === "page").length;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(pages()).toBe(1);
  scroller(el).scrollTop = 1_000_000;
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(pages()).toBe(2);
  const { id, start, length } = model.asked("page");
  expect(length).toBeLessThanOrEqual(300);
  const rows = Array.from({ length }, (_, at): [number, string] => [start + at, "here"]);
  model.reply({ kind: "table", of: "page", id, start, columns: [0], rows });
  await settled();
  expect(seen(el)).not.toContain("…");
});

test("a view that Python does not keep any more is made again", async () => {
  const { el, model } = await mountState("table-ready");
  await field(el, "search", "owl");
  const first = model.asked("view").id;
  const page = model.asked("page");
  model.reply({ kind: "table", of: "page", id: page.id, gone: true });
  scroller(el).scrollTop = 28 * 100;
  await settled();
  expect(model.asked("view").search).toBe("owl");
  expect(status(el)).toBe("150 of 1,200 rows");
  expect(first).toBeTruthy();
});

test("what a wide table cannot show is said", async () => {
  const { el } = await mountState("table-wide");
  await settled();
  expect(el.querySelectorAll("[role=columnheader]").length).toBe(41);
  expect(el.textContent).toContain("The first 40 of 5,000 columns");
});

test("hostile cells, names and errors are text", async () => {
  const { el } = await mountState("table-hostile");
  await settled();
  for (const button of el.querySelectorAll<HTMLElement>(".tb-grid-what, .tb-choice button")) {
    button.click();
    await drawn();
  }
  await field(el, "where", "1=1");
  expect(need(el, ".tb-tools [role=alert]").textContent).toContain("<img src=x");
  expect(el.querySelectorAll("img, script, a, iframe, form").length).toBe(0);
  for (const hidden of ["\u202e", "\u200b", "\u0007"]) expect(el.textContent?.includes(hidden)).toBe(false);
  expect((window as { hacked?: number }).hacked).toBeUndefined();
});

test("a view that goes leaves nothing behind", async () => {
  const { el, model, end } = await mountState("table-10m");
  await settled();
  end();
  expect(model.listening).toBe(0);
  expect(el.childElementCount).toBe(0);
});
