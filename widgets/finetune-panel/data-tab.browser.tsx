// The Data tab: the same table as the inspector's, opened when somebody looks.

import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { drawn, endAll, mountState, partsHere, snapshotOf } from "../gallery/mounted";

afterEach(endAll);

const settled = async () => {
  for (let at = 0; at < 4; at += 1) await drawn();
};
const looks = (sent: { kind: string }[]) => sent.filter(({ kind }) => kind === "look").length;
const numbers = (el: Element) =>
  [...el.querySelectorAll(".tb-grid-row [role=rowheader]")].map((row) => row.textContent);

test("the table is asked for when the Data tab is looked at, not before", async () => {
  const { el, model, find } = await mountState("panel-finished");
  await settled();
  expect(looks(model.sent)).toBe(0);
  expect(el.querySelector("[role=grid]")).toBeNull();
  find("tunebook-tab-data").click();
  await settled();
  expect(looks(model.sent)).toBe(1);
  model.update({ ...snapshotOf("panel-finished"), seq: 99 });
  await settled();
  expect(looks(model.sent)).toBe(1);
});

test("without data to look at nothing is asked for", async () => {
  const { model } = await mountState("panel-reading-data");
  await settled();
  expect(looks(model.sent)).toBe(0);
});

test.each([1000, 840, 400])("at %d px the open row stays where it is when the table comes", async (width) => {
  const { el, model } = await mountState("panel-data-opening", { width });
  await settled();
  const row = () => el.querySelector(".tb-row-text")?.getBoundingClientRect();
  const head = () => el.querySelector(".tb-opened-row h3")?.getBoundingClientRect().top ?? 0;
  expect(el.textContent).toContain("Preparing the table, 40%");
  const before = head();
  model.update(snapshotOf("panel-data-table"));
  await settled();
  await partsHere(el);
  expect(el.querySelector("[role=grid]")).not.toBeNull();
  expect(Math.abs(head() - before)).toBeLessThan(1);
  expect(row()?.height).toBe(240);
});

test("the rows of a finding are shown alone, by its key", async () => {
  const { el, model } = await mountState("panel-data-table");
  await settled();
  const only = [...el.querySelectorAll<HTMLElement>("button")].find((button) => button.textContent?.includes("alone"));
  only?.click();
  await settled();
  expect(model.asked("view")).toMatchObject({ finding: "K04", rows: [6, 412, 418, 733, 900, 1011] });
  expect(numbers(el)).toEqual(["6", "412", "418", "733", "900", "1,011"]);
});

test("what is asked of a table that is still to come is done when it is there", async () => {
  const { el, model } = await mountState("panel-data-opening");
  await settled();
  const only = [...el.querySelectorAll<HTMLElement>("button")].find((button) => button.textContent?.includes("alone"));
  only?.click();
  await settled();
  model.update(snapshotOf("panel-data-table"));
  await settled();
  await partsHere(el);
  expect(model.asked("view")).toMatchObject({ finding: "K04" });
});

test("where the rows were scrolled to and what was typed is there on return to the tab", async () => {
  const { el, find } = await mountState("panel-data-table");
  await settled();
  const scroller = () => el.querySelector<HTMLElement>(".tb-grid-scroll");
  const search = () => el.querySelector<HTMLInputElement>("input[type=search]");
  await userEvent.fill(search() as HTMLInputElement, "owl");
  await userEvent.keyboard("{Enter}");
  await settled();
  (scroller() as HTMLElement).scrollTop = 28 * 60;
  await settled();
  const before = numbers(el);
  expect(before).not.toContain("0");
  find("tunebook-tab-plan").click();
  await settled();
  find("tunebook-tab-data").click();
  await settled();
  expect(search()?.value).toBe("owl");
  expect(numbers(el)).toEqual(before);
});

test("keys of the table do not turn the tabs or reach the notebook", async () => {
  const { el, find } = await mountState("panel-data-table");
  await settled();
  const heard: string[] = [];
  const hear = (event: KeyboardEvent) => heard.push(event.key);
  document.addEventListener("keydown", hear);
  el.querySelector<HTMLElement>("[role=grid]")?.focus();
  await userEvent.keyboard("{ArrowDown}{ArrowRight}{Enter}d");
  await settled();
  document.removeEventListener("keydown", hear);
  expect(heard).toEqual([]);
  expect(el.querySelector(".tb-opened-row h3")?.textContent).toBe("Row 1");
  expect(find("tunebook-tab-data").getAttribute("aria-selected")).toBe("true");
});

test("a table that cannot be opened is one line, and the page of rows stays", async () => {
  const { el } = await mountState("panel-data-no-table");
  await settled();
  expect(el.querySelector("[role=alert]")?.textContent).toContain("The rows cannot be shown as a table.");
  expect(el.querySelector(".tb-opened-row .tb-tokens")).not.toBeNull();
});

test("a view that goes leaves nothing behind", async () => {
  const { el, model, end } = await mountState("panel-data-table");
  await settled();
  end();
  expect(model.listening).toBe(0);
  expect(el.childElementCount).toBe(0);
});
