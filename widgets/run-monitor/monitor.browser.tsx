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
