// Does to a state what a hand would do before it is looked at.

import type { Step } from "./states";

export async function taken(el: Element, steps: Step[] = []): Promise<void> {
  for (const step of steps) {
    for (let at = 0; at < 8; at += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
    const selector =
      "click" in step ? step.click : "fill" in step ? step.fill : "slide" in step ? step.slide : step.scroll;
    const found = el.querySelector<HTMLElement>(selector);
    if (!found) throw new Error(`Nothing is ${selector}.`);
    if ("click" in step) found.click();
    else if ("slide" in step) {
      (found as HTMLInputElement).value = String(step.to);
      found.dispatchEvent(new Event("input", { bubbles: true }));
    } else if ("scroll" in step) found.scrollTop = found.scrollHeight;
    else {
      (found as HTMLInputElement).value = step.text;
      found.dispatchEvent(new Event("input", { bubbles: true }));
      found.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    }
  }
}
