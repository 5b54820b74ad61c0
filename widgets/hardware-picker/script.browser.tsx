// The script in the plan: read, copied, what was edited, what its proof found, and whether it may start.

import { afterEach, describe, expect, test, vi } from "vitest";
import { drawn, endAll, mountState, snapshotOf } from "../gallery/mounted";

afterEach(endAll);

const summaries = (el: Element) => [...el.querySelectorAll<HTMLElement>(".tb-script summary")];
const titled = (el: Element, words: string) => {
  const found = summaries(el).find((one) => one.textContent?.includes(words));
  if (!found) throw new Error(`no fold says ${words}`);
  return found;
};

describe("the script", () => {
  test("is folded under its length, and comes line by line as it is", async () => {
    const { el } = await mountState("panel-needs-you");
    expect(el.querySelector(".tb-source")).toBeNull();
    titled(el, "The training script, 118 lines").click();
    await drawn();
    expect(el.querySelector(".tb-source pre")?.textContent).toBe(`${snapshotOf("panel-needs-you").plan?.script}\n`);
    expect(el.querySelectorAll(".tb-source pre > span")).toHaveLength(118);
  });

  test("is copied whole; where the page may not, it is selected without the numbers", async () => {
    const { el } = await mountState("panel-script");
    const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValueOnce();
    el.querySelector<HTMLElement>(".tb-script .tb-copy")?.click();
    await drawn();
    expect(write).toHaveBeenCalledWith(snapshotOf("panel-script").plan?.script);
    expect(el.querySelector(".tb-script .tb-copy")?.textContent).toBe("Copied");
    write.mockRejectedValueOnce(new Error("not allowed"));
    el.querySelector<HTMLElement>(".tb-script .tb-copy")?.click();
    await drawn();
    expect(getSelection()?.toString().split("\n").slice(0, 2)).toEqual([
      "# /// script",
      '# requires-python = ">=3.11"',
    ]);
    write.mockRestore();
  });

  test("stays open when the plan is sent again", async () => {
    const { el, model } = await mountState("panel-script");
    model.update({ ...snapshotOf("panel-script"), seq: 9 });
    await drawn();
    expect(el.querySelector(".tb-source")).not.toBeNull();
  });

  test("scrolls within itself in a narrow column", async () => {
    const { el } = await mountState("panel-script", { width: 400 });
    const box = el.querySelector<HTMLElement>(".tb-source");
    if (!box) throw new Error("no script");
    expect(box.scrollWidth).toBeGreaterThan(box.clientWidth);
    expect(box.getBoundingClientRect().right).toBeLessThanOrEqual(400);
    expect(box.tabIndex).toBe(0);
  });

  test("what is to be typed stands as code, and a plan without a proof says how to get one", async () => {
    const { el } = await mountState("panel-needs-you");
    const codes = [...el.querySelectorAll(".tb-hints code")].map((code) => code.textContent);
    expect(codes).toEqual(["%finetune script kinds-20", "%finetune prove 5f0c2a91d3e8"]);
    const { el: proved } = await mountState("panel-proved");
    expect(proved.querySelectorAll(".tb-hints code")).toHaveLength(1);
  });
});

describe("an edit", () => {
  test("is said in a sentence, and each line has its sign beside its colour", async () => {
    const { el } = await mountState("panel-edited");
    expect(titled(el, "You edited the script: 4 lines added, 2 removed.")).toBeDefined();
    const lines = (name: string) => [...el.querySelectorAll(`.tb-diff ${name}`)];
    expect(lines("ins").map((line) => line.textContent?.slice(0, 2))).toEqual(["+ ", "+ ", "+ ", "+ "]);
    expect(lines("del").map((line) => line.textContent?.slice(0, 2))).toEqual(["\u2212 ", "\u2212 "]);
    const colour = (name: string) => getComputedStyle(lines(name)[0] as Element).backgroundColor;
    expect(colour("ins")).not.toBe(colour("del"));
    const wide = lines("span")[0]?.getBoundingClientRect().width ?? 0;
    for (const line of [...lines("ins"), ...lines("del")]) expect(line.getBoundingClientRect().width).toBe(wide);
  });

  test("offers no other plan, which would not have it", async () => {
    const { el } = await mountState("panel-edited");
    expect(el.querySelector(".tb-choose")).toBeNull();
  });
});

describe("the proof", () => {
  test("at work it is one line, and the button says beside it why it waits", async () => {
    const { el, model, find } = await mountState("panel-proving");
    expect(el.querySelector(".tb-proof-line")?.textContent).toBe("Proving the script in miniature");
    const button = find("tunebook-confirm") as HTMLButtonElement;
    expect(button.disabled).toBe(true);
    expect(button.previousElementSibling?.textContent).toBe("The edited script can start when its proof has passed.");
    button.click();
    expect(model.sent.some((request) => request.kind === "confirm")).toBe(false);
    model.update({ ...snapshotOf("panel-edited"), seq: 9 });
    await drawn();
    expect((find("tunebook-confirm") as HTMLButtonElement).disabled).toBe(false);
    expect(el.querySelector(".tb-why")).toBeNull();
  });

  test("that passed is one line with its checks a click away", async () => {
    const { el } = await mountState("panel-edited");
    expect(el.querySelector(".tb-checks")).toBeNull();
    titled(el, "Proved in miniature in 48 s: 10 checks passed.").click();
    await drawn();
    const checks = [...el.querySelectorAll(".tb-checks > li")].map((check) => check.textContent);
    expect(checks).toHaveLength(10);
    expect(checks[0]).toMatch(/^passed: It runs to its end6 steps, exit 0/);
  });

  test("that failed shows what failed at once, and what passed a click away", async () => {
    const { el, find } = await mountState("panel-proof-failed");
    const failed = [...el.querySelectorAll(".tb-failed")].map((check) => check.textContent ?? "");
    expect(failed).toHaveLength(2);
    expect(failed[0]).toMatch(/^failed: It learns a few rows by heart/);
    expect(titled(el, "8 checks passed")).toBeDefined();
    expect(find("tunebook-confirm").checkVisibility()).toBe(false);
  });
});
