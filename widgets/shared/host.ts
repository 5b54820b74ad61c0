// The one place that knows anywidget: a model becomes a snapshot to watch, points, and a way to ask Python.

import type { AnyModel, Render } from "@anywidget/types";
import { Points } from "./points";
import { share } from "./share";
import { type Readable, Store } from "./store";
import type { TableReply } from "./table-types";
import type { PartReply, PointsMessage, Request } from "./types";

export interface Host<Snapshot> {
  snapshot: Readable<Snapshot | null>;
  points: Points;
  /** Asks Python. False when it could not be sent: the kernel is gone. */
  send(request: Request): boolean;
  /** Calls `answered` with each message of this kind, until `signal` aborts. */
  listen<Kind extends keyof Replies>(kind: Kind, answered: (reply: Replies[Kind]) => void, signal: AbortSignal): void;
}

/** What Python answers besides snapshots and points, by the kind of the message. */
export interface Replies {
  table: TableReply;
  part: PartReply;
}

/** Draws into `root` until `signal` aborts. */
export type Mount<Snapshot> = (root: HTMLElement, host: Host<Snapshot>, signal: AbortSignal) => void;

// biome-ignore lint/suspicious/noExplicitAny: anywidget's own type for a model of any traits
type Model = AnyModel<any>;

/** An anywidget whose `snapshot` trait `mount` draws. `opening`: what to send once it is drawn. */
export function panel<Snapshot>(mount: Mount<Snapshot>, { opening = [] as Request["kind"][] } = {}) {
  const render: Render = ({ model, el, signal }) => {
    const end = new AbortController();
    const finish = () => end.abort();
    if (signal?.aborted) return;
    signal?.addEventListener("abort", finish, { once: true });

    const host = connect<Snapshot>(model, end.signal);
    const root = el.ownerDocument.createElement("div");
    root.className = "tb";
    el.append(root);
    end.signal.addEventListener("abort", () => root.remove(), { once: true });
    mount(root, host, end.signal);
    if (opening.includes("hello")) host.send({ kind: "hello" });
    if (opening.includes("since")) host.points.askAll();
    return finish;
  };
  return { render };
}

function connect<Snapshot>(model: Model, signal: AbortSignal): Host<Snapshot> {
  const send = (request: Request): boolean => {
    try {
      model.send(request);
      return true;
    } catch (error) {
      console.warn("tunebook: the kernel cannot be reached.", error);
      return false;
    }
  };
  const snapshot = new Store<Snapshot | null>(readSnapshot(model, null));
  const listeners = new Map<unknown, Set<(reply: never) => void>>();
  const listen: Host<Snapshot>["listen"] = (kind, answered, until) => {
    const all = listeners.get(kind) ?? new Set();
    listeners.set(kind, all.add(answered));
    until.addEventListener("abort", () => all.delete(answered), { once: true });
  };
  const points = new Points((seq) => send({ kind: "since", seq }));

  const changed = () => snapshot.set(readSnapshot(model, snapshot.get()));
  const received = (content: unknown, buffers: DataView[]) => {
    if (isPoints(content)) points.receive(content, buffers);
    else
      for (const answered of [...(listeners.get((content as { kind?: unknown } | null)?.kind) ?? [])])
        answered(content as never);
  };
  model.on("change:snapshot", changed);
  model.on("msg:custom", received);
  signal.addEventListener("abort", () => {
    // A model whose comm is closed may refuse: the view is going away either way.
    try {
      model.off("change:snapshot", changed);
      model.off("msg:custom", received);
    } catch (error) {
      console.warn("tunebook: could not unsubscribe.", error);
    }
  });
  return { snapshot, points, send, listen };
}

/** The snapshot trait, or null while Python has not filled it: an empty dict or none. */
function readSnapshot<Snapshot>(model: Model, previous: Snapshot | null): Snapshot | null {
  const value = model.get("snapshot") as Snapshot | null | undefined;
  if (!value || Object.keys(value).length === 0) return null;
  return share(previous, value);
}

function isPoints(content: unknown): content is PointsMessage {
  const message = content as Partial<PointsMessage> | null;
  return message?.kind === "points" && Array.isArray(message.series) && typeof message.seq === "number";
}
