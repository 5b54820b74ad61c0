// A state, mounted as anywidget would: for the tests in the browser.

import type { PanelSnapshot } from "../shared/types";
import { FakeModel } from "./fake-model";
import { tables } from "./fake-table";
import { states } from "./states";
import { taken } from "./steps";

const widgets = {
  "finetune-panel": () => import("../finetune-panel/index"),
  "dataset-inspector": () => import("../dataset-inspector/index"),
  "hardware-picker": () => import("../hardware-picker/index"),
  "run-monitor": () => import("../run-monitor/index"),
  "checkpoint-table": () => import("../checkpoint-table/index"),
};

/** The parts of the FinetunePanel as they are built. */
const parts: Record<string, () => Promise<{ default: string }>> = {
  "dataset-inspector": () => import("../dataset-inspector/part.ts?part"),
  "run-monitor": () => import("../run-monitor/part.ts?part"),
};

export async function partText(name: string): Promise<string> {
  const found = await parts[name]?.();
  if (!found) throw new Error(`no part is called ${name}`);
  return found.default;
}

export interface Mounted {
  el: HTMLElement;
  model: FakeModel;
  /** Ends the view as anywidget does: by its signal. */
  end: () => void;
  /** What `render` returned: how older hosts end it. */
  cleanup: () => void;
  find: (testid: string) => HTMLElement;
}

const alive = new Set<() => void>();

/** Ends every view that a test left. */
export function endAll(): void {
  for (const end of alive) end();
  alive.clear();
  document.body.replaceChildren();
}

/** Frames enough: one to draw, one for what drawing asked for. */
export async function drawn(): Promise<void> {
  for (let at = 0; at < 3; at += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
}

interface MountOptions {
  width?: number;
  /** What answers a request for a part; null: nothing does. */
  part?: ((name: string) => Promise<string>) | null;
}

/** Until what is on its way is there. */
export async function partsHere(el: Element): Promise<void> {
  const coming = () => [...el.querySelectorAll(".tb-to-come .tb-turning")].some((one) => one.checkVisibility());
  if (!coming()) return;
  for (let at = 0; at < 300 && coming(); at += 1) await drawn();
  for (let at = 0; at < 2; at += 1) await drawn();
}

export async function mountState(name: string, { width = 1000, part = partText }: MountOptions = {}): Promise<Mounted> {
  const state = states[name];
  if (!state) throw new Error(`No state is called ${name}.`);
  const { default: widget } = await widgets[state.bundle as keyof typeof widgets]();
  const el = document.createElement("div");
  el.style.width = `${width}px`;
  document.body.append(el);
  const model = new FakeModel(
    structuredClone(state.snapshot),
    state.table ? tables[state.table] : undefined,
    part ?? undefined,
  );
  const controller = new AbortController();
  const props = { model, el, signal: controller.signal } as unknown as Parameters<typeof widget.render>[0];
  alive.add(() => controller.abort());
  const cleanup = (await widget.render(props)) as () => void;
  if (state.points) model.points(state.points);
  await drawn();
  if (part === partText) await partsHere(el);
  await taken(el, state.steps);
  await drawn();
  const find = (testid: string) => {
    const found = el.querySelectorAll<HTMLElement>(`[data-testid="${testid}"]`);
    if (found.length !== 1) throw new Error(`${found.length} elements are called ${testid}`);
    return found[0] as HTMLElement;
  };
  return { el, model, end: () => controller.abort(), cleanup, find };
}

/** The snapshot of a state of the whole panel, to change and send again. */
export function snapshotOf(name: string): PanelSnapshot {
  return structuredClone(states[name]?.snapshot) as PanelSnapshot;
}
