// The whole panel under the hands of a user and the messages of a kernel.

import { afterEach, describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { drawn, endAll, mountState, partsHere, snapshotOf } from "../gallery/mounted";

afterEach(endAll);

const asked = (sent: { kind: string }[], kind: string) => sent.filter((request) => request.kind === kind);

describe("consent", () => {
  test("a double click confirms once, the plan on the screen, and the button goes quiet at once", async () => {
    const { model, find } = await mountState("panel-needs-you");
    const button = find("tunebook-confirm") as HTMLButtonElement;
    expect(button.textContent).toBe("Start, at most $0.42");
    button.click();
    button.click();
    await drawn();
    button.click();
    expect(asked(model.sent, "confirm")).toEqual([
      { kind: "confirm", plan_id: snapshotOf("panel-needs-you").plan?.plan_id },
    ]);
    expect(button.disabled).toBe(true);
    expect(button.textContent).toBe("Starting");
  });

  test("another plan is another question", async () => {
    const { model, find } = await mountState("panel-needs-you");
    find("tunebook-confirm").click();
    const next = snapshotOf("panel-needs-you");
    if (next.plan) next.plan.plan_id = "another";
    next.confirm = { label: "Start, at most $1.00", enabled: true };
    model.update(next);
    await drawn();
    find("tunebook-confirm").click();
    expect(asked(model.sent, "confirm")).toEqual([
      { kind: "confirm", plan_id: snapshotOf("panel-needs-you").plan?.plan_id },
      { kind: "confirm", plan_id: "another" },
    ]);
  });

  test("a later snapshot that still asks the same does not wake the button", async () => {
    const { model, find } = await mountState("panel-needs-you");
    find("tunebook-confirm").click();
    model.update({ ...snapshotOf("panel-needs-you"), seq: 6 });
    await drawn();
    expect((find("tunebook-confirm") as HTMLButtonElement).disabled).toBe(true);
  });

  test("with nothing to confirm the button is there, hidden, and cannot be pressed", async () => {
    const { model, find } = await mountState("panel-running");
    const button = find("tunebook-confirm") as HTMLButtonElement;
    expect(button.checkVisibility()).toBe(false);
    button.click();
    expect(asked(model.sent, "confirm")).toEqual([]);
  });

  test("a refusal brings the button back with its reason", async () => {
    const { model, find, el } = await mountState("panel-needs-you");
    find("tunebook-confirm").click();
    const problem = { what: "It was not started.", why: "The budget is used up.", now: "Raise it." };
    model.update({ ...snapshotOf("panel-needs-you"), seq: 6, problem });
    await drawn();
    expect((find("tunebook-confirm") as HTMLButtonElement).disabled).toBe(false);
    expect(el.textContent).toContain("The budget is used up.");
  });

  test("a kernel that cannot be reached is said, and the button stays", async () => {
    const { model, find, el } = await mountState("panel-needs-you");
    model.send = () => {
      throw new Error("comm is closed");
    };
    find("tunebook-confirm").click();
    await drawn();
    expect(el.textContent).toContain("has not answered");
    expect((find("tunebook-confirm") as HTMLButtonElement).disabled).toBe(false);
  });

  test("a kernel that does not answer is not waited for without end", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { model, find, el } = await mountState("panel-needs-you");
      find("tunebook-confirm").click();
      await drawn();
      vi.advanceTimersByTime(19_000);
      await drawn();
      expect((find("tunebook-confirm") as HTMLButtonElement).disabled).toBe(true);
      vi.advanceTimersByTime(2_000);
      await drawn();
      expect(el.textContent).toContain("has not answered");
      find("tunebook-confirm").click();
      expect(asked(model.sent, "confirm")).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  test("cancel and stop are asked once each", async () => {
    const { model, find } = await mountState("panel-running");
    for (const testid of ["tunebook-stop", "tunebook-cancel"]) {
      find(testid).click();
      find(testid).click();
      await drawn();
      expect((find(testid) as HTMLButtonElement).disabled).toBe(true);
    }
    expect(model.sent.slice(-2)).toEqual([{ kind: "stop" }, { kind: "cancel" }]);
  });
});

describe("stages", () => {
  const shown = (el: HTMLElement) =>
    [...el.querySelectorAll("[role=tabpanel]")]
      .filter((panel) => panel.checkVisibility())
      .map((panel) => panel.ariaLabel ?? panel.id);

  test("it follows the run until the user looks elsewhere, and again when asked to", async () => {
    const { model, find, el } = await mountState("panel-needs-you");
    const selected = () => el.querySelector("[role=tab][aria-selected=true]")?.textContent;
    expect(selected()).toContain("Plan");
    model.update(snapshotOf("panel-running"));
    await drawn();
    expect(selected()).toContain("Run");

    find("tunebook-tab-data").click();
    await drawn();
    model.update(snapshotOf("panel-comparing"));
    await drawn();
    expect(selected()).toContain("Data");
    expect(shown(el)).toHaveLength(1);

    find("tunebook-follow").click();
    await drawn();
    expect(selected()).toContain("Compare");
    model.update(snapshotOf("panel-finished"));
    await drawn();
    expect(selected()).toContain("Publish");
  });

  test("arrow keys walk the tabs with the focus, around the ends", async () => {
    const { find, el } = await mountState("panel-finished");
    find("tunebook-tab-publish").focus();
    await userEvent.keyboard("{ArrowRight}");
    await drawn();
    expect(document.activeElement).toBe(find("tunebook-tab-request"));
    expect(find("tunebook-tab-request").getAttribute("aria-selected")).toBe("true");
    await userEvent.keyboard("{End}{ArrowLeft}");
    await drawn();
    expect(document.activeElement).toBe(find("tunebook-tab-compare"));
    expect(el.querySelectorAll("[role=tab][tabindex='0']")).toHaveLength(1);
  });

  test("JupyterLab gets Ctrl+S from a tab and no plain key, which would be its shortcut", async () => {
    const { find } = await mountState("panel-finished");
    const heard: string[] = [];
    const hear = (event: KeyboardEvent) => {
      event.preventDefault();
      heard.push(event.key);
    };
    document.addEventListener("keydown", hear);
    find("tunebook-tab-publish").focus();
    await userEvent.keyboard("d{ArrowLeft}{Control>}s{/Control}");
    document.removeEventListener("keydown", hear);
    expect(heard).toEqual(["Control", "s"]);
  });

  test("each tab is tied to its panel", async () => {
    const { el } = await mountState("panel-finished");
    for (const tab of el.querySelectorAll("[role=tab]")) {
      const panel = el.querySelector(`#${CSS.escape(tab.getAttribute("aria-controls") ?? "")}`);
      expect(panel?.getAttribute("aria-labelledby")).toBe(tab.id);
    }
  });

  test("the state of the run is announced, its steps are not", async () => {
    const { model, el } = await mountState("panel-running");
    const live = el.querySelector("[role=status][aria-live=polite]");
    const before = live?.textContent;
    expect(before).toBe("Run at work");
    const next = snapshotOf("panel-running");
    next.status.pill = "step 119 of 240";
    model.update(next);
    await drawn();
    expect(el.textContent).toContain("step 119 of 240");
    expect(live?.textContent).toBe(before);
    expect(el.querySelector(".tb-pill")?.closest("[aria-live]")).toBeNull();
  });
});

describe("messages", () => {
  test("it says hello and asks for all points when it is mounted", async () => {
    const { model } = await mountState("panel-loading");
    expect(model.sent).toEqual([{ kind: "hello" }, { kind: "since", seq: 0 }]);
  });

  test("a burst of snapshots is drawn once a frame, and the last one stands", async () => {
    const { model, el } = await mountState("panel-running");
    const pill = el.querySelector(".tb-pill");
    let changes = 0;
    const observer = new MutationObserver((records) => {
      changes += records.length;
    });
    if (pill) observer.observe(pill, { characterData: true, childList: true, subtree: true });
    const next = snapshotOf("panel-running");
    for (let step = 0; step < 100; step += 1) {
      next.status.pill = `step ${step}`;
      model.update(next);
    }
    await drawn();
    observer.disconnect();
    expect(pill?.textContent).toBe("step 99");
    expect(changes).toBeLessThanOrEqual(2);
  });

  test("what the user opened, typed and scrolled stays through snapshots", async () => {
    const { model, find, el } = await mountState("panel-data");
    const fold = el.querySelector("details");
    if (fold) fold.open = true;
    const text = el.querySelector(".tb-row-text");
    model.update({ ...snapshotOf("panel-data"), seq: 99, title: "renamed" });
    await drawn();
    expect(el.textContent).toContain("renamed");
    expect(el.querySelector("details")?.open).toBe(true);
    expect(el.querySelector(".tb-row-text")).toBe(text);
    expect(find("tunebook-tab-data").getAttribute("aria-selected")).toBe("true");
  });

  test("points that come while another stage is looked at are there on return", async () => {
    const { model, find, el } = await mountState("panel-finished");
    model.points("half");
    find("tunebook-tab-run").click();
    await drawn();
    await partsHere(el);
    expect(el.querySelector(".tb-key")?.textContent).toMatch(/training 1\.\d\d/);
    expect(el.querySelector("canvas")).not.toBeNull();
  });
});

describe("the end", () => {
  const rules = () =>
    [...document.head.querySelectorAll("style")].filter((style) => style.textContent?.includes("tunebook-static"));

  test("the static form of this run is hidden while the panel lives, and shown after", async () => {
    const form = document.body.appendChild(document.createElement("div"));
    form.className = "tunebook-static-kinds-20";
    const other = document.body.appendChild(document.createElement("div"));
    other.className = "tunebook-static-other";
    const { end } = await mountState("panel-running");
    expect(getComputedStyle(form).display).toBe("none");
    expect(getComputedStyle(other).display).toBe("block");
    end();
    await drawn();
    expect(getComputedStyle(form).display).toBe("block");
    expect(rules()).toEqual([]);
  });

  test("nothing is left: no element, no handler, no rule", async () => {
    for (const how of ["end", "cleanup"] as const) {
      const mounted = await mountState("panel-running");
      mounted[how]();
      await drawn();
      expect(mounted.el.childElementCount).toBe(0);
      expect(mounted.model.listening).toBe(0);
      expect(rules()).toEqual([]);
      mounted.model.points("half");
      mounted.model.update(snapshotOf("panel-failed"));
      await drawn();
      expect(mounted.el.childElementCount).toBe(0);
    }
  });

  test("it never throws, twice over and with a model that refuses", async () => {
    const { model, end, cleanup, el } = await mountState("panel-running");
    model.off = () => {
      throw new Error("comm is closed");
    };
    expect(() => {
      end();
      cleanup();
      cleanup();
    }).not.toThrow();
    expect(el.childElementCount).toBe(0);
  });
});
