// A rented run in a real browser: what its machine does, said and drawn, and where it is read.

import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { drawn, endAll, mountState } from "../gallery/mounted";
import { message } from "../gallery/series";

afterEach(endAll);

const part = <Found extends Element = HTMLElement>(el: HTMLElement, selector: string): Found => {
  const found = el.querySelector<Found>(selector);
  if (!found) throw new Error(`Nothing is ${selector}.`);
  return found;
};
const said = (el: HTMLElement) => part(el, ".tb-hardware .tb-chart-head").textContent;
const foot = (el: HTMLElement) => part(el, ".tb-hardware-foot").textContent;
const path = (el: HTMLElement, name: string) =>
  part(el, `.tb-hardware-canvas .tb-hardware-${name}`).getAttribute("d") ?? "";

test("use and memory of the GPU stand beside the curves, with what there is of it", async () => {
  const { el } = await mountState("run-rented");
  expect(said(el)).toBe("GPUuse 87 %memory 21.4 of 22.5 GiB");
  expect(part(el, ".tb-hardware [role=img]").getAttribute("aria-label")).toBe("GPU 87 %, 21.4 of 22.5 GiB");
  expect(path(el, "use").length).toBeGreaterThan(1000);
  expect(path(el, "memory")).toMatch(/Z$/);
  expect(foot(el)).toBe("from 40 sto 8:51");
});

test("without a GPU it is the CPU, and a run on this machine shows neither that nor money", async () => {
  expect(said((await mountState("run-rented-cpu")).el)).toBe("CPUuse 71 %memory 7.9 of 32 GiB");
  const { el } = await mountState("run-first-point");
  expect(el.querySelector(".tb-hardware")).toBeNull();
  expect(el.textContent).not.toContain("spent");
});

test("the job, its queue and its money are said before anything was measured", async () => {
  const { el } = await mountState("run-rented-queued");
  expect(part(el, ".tb-facts").textContent).toBe(
    "jobqueuedin the queue2.1 minprice$0.80 an hourspent$0 of at most $0.42",
  );
  expect(el.querySelector(".tb-hardware")).toBeNull();
});

test("where the pointer is in the loss, the machine is read at that time", async () => {
  const { el } = await mountState("run-rented");
  part(el, ".tb-canvas").focus();
  await userEvent.keyboard("{ArrowRight}");
  await drawn();
  expect(part(el, ".tb-readout").textContent).toMatch(/^step 1, after 2\.2 min/);
  expect(foot(el)).toBe("from 40 sat 2:13to 8:51");
  expect(said(el)).not.toContain("87 %");
  expect(el.querySelector(".tb-hardware-canvas i")).not.toBeNull();
});

test("it is read by arrow keys and by the pointer, and says the present again when they are gone", async () => {
  const { el } = await mountState("run-rented");
  const canvas = part(el, ".tb-hardware-canvas");
  canvas.focus();
  await userEvent.keyboard("{ArrowRight}");
  await drawn();
  expect(said(el)).toBe("GPUuse 0 %memory 0.4 of 22.5 GiB");
  expect(foot(el)).toContain("at 40 s");
  await userEvent.keyboard("{Escape}");
  await drawn();
  expect(said(el)).toContain("87 %");
  const { left, width, top } = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new PointerEvent("pointermove", { clientX: left + width, clientY: top + 9, bubbles: true }));
  await drawn();
  expect(foot(el)).toContain("at 8:51");
  canvas.dispatchEvent(new PointerEvent("pointerleave"));
  await drawn();
  expect(foot(el)).toBe("from 40 sto 8:51");
});

test("it grows with what comes, and nothing around it moves", async () => {
  const { el, model } = await mountState("run-rented");
  const [before, height] = [path(el, "use"), el.getBoundingClientRect().height];
  model.deliver(...message(2, { "hardware/gpu_pct": [[9999, 3, 700]] }));
  await drawn();
  await drawn();
  expect(path(el, "use")).not.toBe(before);
  expect(foot(el)).toContain("to 11:40");
  expect(el.getBoundingClientRect().height).toBe(height);
});
