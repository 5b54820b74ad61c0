// The curve in a real browser: what is drawn, what the readout says, what a theme does to it.

import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { drawn, endAll, mountState } from "../gallery/mounted";

afterEach(() => {
  endAll();
  document.body.removeAttribute("data-jp-theme-light");
});

/** How many pixels of the plot are of one colour, by and large. */
function pixels(el: HTMLElement, [red, green, blue]: [number, number, number]): number {
  const canvas = el.querySelector("canvas");
  const ink = canvas?.getContext("2d");
  if (!canvas || !ink) throw new Error("no plot");
  const { data } = ink.getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    const away =
      Math.abs((data[at] ?? 0) - red) + Math.abs((data[at + 1] ?? 0) - green) + Math.abs((data[at + 2] ?? 0) - blue);
    if ((data[at + 3] ?? 0) > 200 && away < 30) found += 1;
  }
  return found;
}

const accent: [number, number, number] = [11, 106, 150];
const accentDark: [number, number, number] = [98, 195, 238];
const care: [number, number, number] = [133, 87, 0];

test("it asks for the points it may have missed, and draws them", async () => {
  document.body.setAttribute("data-jp-theme-light", "true");
  const { el, model } = await mountState("run-5000-points");
  expect(model.sent).toEqual([{ kind: "since", seq: 0 }]);
  expect(pixels(el, accent)).toBeGreaterThan(500);
  expect(pixels(el, care)).toBeGreaterThan(100);
});

test("it turns dark with its host, without new data", async () => {
  document.body.setAttribute("data-jp-theme-light", "true");
  const { el } = await mountState("run-5000-points");
  expect(pixels(el, accentDark)).toBe(0);
  document.body.setAttribute("data-jp-theme-light", "false");
  await drawn();
  await drawn();
  expect(pixels(el, accentDark)).toBeGreaterThan(500);
});

test("before the first point it says so and shows no numbers on the loss axis", async () => {
  const { el, model } = await mountState("run-empty");
  expect(el.textContent).toContain("No loss yet");
  expect(el.querySelector(".tb-plot-empty")).not.toBeNull();
  model.points("half");
  await drawn();
  expect(el.querySelector(".tb-plot-empty")).toBeNull();
});

test("the keyboard reads the curve point by point: raw values, step and time", async () => {
  const { el, model } = await mountState("run-first-point");
  model.points("half");
  await drawn();
  el.querySelector<HTMLElement>("[role=img][tabindex]")?.focus();
  await userEvent.keyboard("{ArrowRight}");
  await drawn();
  const readout = () => el.querySelector(".tb-readout")?.textContent ?? "";
  expect(readout()).toMatch(/^step 1, after 3\.4 s, training 2\.\d\d/);
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  await drawn();
  expect(readout()).toMatch(/^step 3/);
});

test("nothing jumps: the panel is as high with facts and values as without", async () => {
  const { el, model } = await mountState("run-empty");
  const before = el.getBoundingClientRect().height;
  model.points("many");
  await drawn();
  await drawn();
  expect(el.getBoundingClientRect().height).toBe(before);
  el.querySelector<HTMLElement>("[role=img][tabindex]")?.focus();
  await userEvent.keyboard("{ArrowRight}");
  await drawn();
  expect(el.getBoundingClientRect().height).toBe(before);
});

test("time and log are other axes of the same run", async () => {
  const { el, model } = await mountState("run-first-point");
  model.points("half");
  for (const name of ["time", "log"]) {
    [...el.querySelectorAll<HTMLElement>(".tb-choice button")].find((button) => button.textContent === name)?.click();
    await drawn();
    await drawn();
    expect(el.querySelectorAll("canvas")).toHaveLength(1);
  }
  el.querySelector<HTMLElement>("[role=img][tabindex]")?.focus();
  await userEvent.keyboard("{ArrowRight}");
  await drawn();
  expect(el.querySelector(".tb-readout")?.textContent).toMatch(/^step 1,/);
});

test("a burst of messages is drawn once a frame", async () => {
  const { el, model } = await mountState("run-first-point");
  const canvas = el.querySelector("canvas");
  const ink = canvas?.getContext("2d");
  if (!ink) throw new Error("no plot");
  let draws = 0;
  const clear = ink.clearRect.bind(ink);
  ink.clearRect = (...area) => {
    draws += 1;
    clear(...area);
  };
  for (let at = 0; at < 100; at += 1) model.points("half");
  await drawn();
  expect(draws).toBeGreaterThan(0);
  expect(draws).toBeLessThanOrEqual(6);
});

test("curves beside one another are read at one step, each with its own values", async () => {
  const { el } = await mountState("panel-dpo");
  const [first, second] = [...el.querySelectorAll<HTMLElement>(".tb-curve")];
  if (!first || !second) throw new Error("two curves are drawn");
  expect(first.textContent).toMatch(/^Preference accuracytraining [\d.]+ %held out [\d.]+ %/);
  expect(second.textContent).toMatch(/^Losstraining 0\.\d+held out 0\.\d+/);
  const [a, b] = [first, second].map((one) => one.querySelector("canvas")?.getBoundingClientRect());
  expect(a?.top).toBe(b?.top);
  first.querySelector<HTMLElement>("[role=img]")?.focus();
  await userEvent.keyboard("{ArrowRight}");
  await drawn();
  const readout = () => el.querySelector(".tb-readout")?.textContent ?? "";
  expect(readout()).toMatch(/^step 1, after 3\.4 s, preference accuracy [\d.]+ %, loss 0\.\d+$/);
  expect(second.querySelector(".tb-key b")?.textContent).toBe(readout().split(" ").at(-1));
  const line = (one: HTMLElement) => one.querySelector(".u-cursor-x");
  expect(line(second)?.classList.contains("u-off")).toBe(false);
  second.querySelector<HTMLElement>("[role=img]")?.focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  await drawn();
  expect(readout()).toMatch(/^step 3,/);
});

test("a part of the run that is looked at closer is the same in each curve", async () => {
  const { el } = await mountState("panel-dpo");
  const over = el.querySelector<HTMLElement>(".tb-curve .u-over");
  if (!over) throw new Error("no plot");
  const before = [...el.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL());
  const { left, top, width } = over.getBoundingClientRect();
  const at = (share: number) => ({ clientX: left + width * share, clientY: top + 40, bubbles: true, movementX: 9 });
  over.dispatchEvent(new MouseEvent("mousemove", at(0.1)));
  over.dispatchEvent(new MouseEvent("mousedown", at(0.1)));
  over.dispatchEvent(new MouseEvent("mousemove", at(0.3)));
  document.dispatchEvent(new MouseEvent("mouseup", at(0.3)));
  await drawn();
  await drawn();
  const zoomed = [...el.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL());
  expect(zoomed.map((one, place) => one === before[place])).toEqual([false, false]);
  const whole = [...el.querySelectorAll<HTMLElement>("button")].find((one) => one.textContent === "whole run");
  whole?.click();
  await drawn();
  expect(el.textContent).not.toContain("whole run");
});

test("GRPO draws its reward, says why not its loss, and has no logarithm of it", async () => {
  const { el } = await mountState("panel-grpo");
  expect([...el.querySelectorAll(".tb-chart h3")].map((one) => one.textContent)).toEqual(["Mean reward"]);
  expect(el.querySelector(".tb-chart-note")?.textContent).toContain("loss says nothing");
  expect([...el.querySelectorAll(".tb-chart button")].map((one) => one.textContent)).not.toContain("log");
  expect(el.querySelector(".tb-canvas")?.getAttribute("aria-label")).toMatch(/^Mean reward curve\. Training 0\.\d+\./);
});
