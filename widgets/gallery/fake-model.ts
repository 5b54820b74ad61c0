// The browser's half of an anywidget model, without a kernel behind it: it records what is sent.

import type { TableReply, TableRequest } from "../shared/table-types";
import type { PartReply, Request } from "../shared/types";
import { answered, type FakeTable } from "./fake-table";
import { curves, message } from "./series";

type Handler = (...args: unknown[]) => void;

export class FakeModel {
  readonly sent: Request[] = [];
  readonly #handlers = new Map<string, Set<Handler>>();
  readonly #table: FakeTable | undefined;
  readonly #views = new Map<string, number[]>();
  /** Answers with a part's text; null does not answer. */
  part: ((name: string) => Promise<string>) | null;
  #snapshot: unknown;

  /** `table`: rows to answer requests from. */
  constructor(snapshot: unknown, table?: FakeTable, part?: (name: string) => Promise<string>) {
    this.#snapshot = snapshot ?? {};
    this.#table = table;
    this.part = part ?? null;
  }

  get(name: string): unknown {
    return name === "snapshot" ? this.#snapshot : undefined;
  }

  on(event: string, handler: Handler): void {
    const handlers = this.#handlers.get(event) ?? new Set();
    this.#handlers.set(event, handlers.add(handler));
  }

  off(event: string, handler: Handler): void {
    this.#handlers.get(event)?.delete(handler);
  }

  send(request: Request): void {
    this.sent.push(request);
    if (request.kind === "part") {
      const { kind, name } = request;
      this.part?.(name).then(
        (text) => this.reply({ kind, name, text }),
        (error) => this.reply({ kind, name, error: String(error) }),
      );
    }
    if (!this.#table || !("id" in request)) return;
    const reply = answered(this.#table, this.#views, request);
    if (reply) queueMicrotask(() => this.reply(reply));
  }

  reply(reply: TableReply | PartReply): void {
    this.#emit("msg:custom", reply, []);
  }

  /** The newest request of a kind. */
  asked<Kind extends TableRequest["kind"]>(kind: Kind): Extract<TableRequest, { kind: Kind }> {
    const found = this.sent.findLast((request) => request.kind === kind);
    if (!found) throw new Error(`No ${kind} was asked for.`);
    return found as Extract<TableRequest, { kind: Kind }>;
  }

  /** How many handlers are left: none after a view has gone. */
  get listening(): number {
    return [...this.#handlers.values()].reduce((sum, handlers) => sum + handlers.size, 0);
  }

  /** What Python would do: a new snapshot, as a new tree. */
  update(snapshot: unknown): void {
    this.#snapshot = structuredClone(snapshot);
    this.#emit("change:snapshot");
  }

  points(name: string, reset = true): void {
    this.deliver(...message(1, curves[name] ?? {}, reset));
  }

  deliver(content: unknown, buffers: DataView[]): void {
    this.#emit("msg:custom", content, buffers);
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const handler of [...(this.#handlers.get(event) ?? [])]) handler(...args);
  }
}
