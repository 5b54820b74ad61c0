// Parts of the panel that Python sends when they are first looked at. What can show nothing without the kernel need not
// travel in the bundle, which is stored with every panel. A part is text that widgets/parts.mjs made, and is loaded as
// anywidget loads the panel itself: as a module from a Blob.

import type { Host } from "../shared/host";
import { type Readable, Store } from "../shared/store";

/** Neither is set while it is on its way. */
export interface Part<Module> {
  module?: Module;
  /** Why it is not there, as the end of a sentence. */
  failed?: string;
}

type Linked = Record<string, unknown>;
type Load = (require: (name: string) => unknown) => unknown;

/** After this long without an answer it is said; an answer that comes later is still taken. */
const patience = 20_000;

export class Parts {
  readonly #host: Pick<Host<unknown>, "send" | "listen">;
  readonly #linked: Linked;
  readonly #signal: AbortSignal;
  readonly #parts = new Map<string, Store<Part<unknown>>>();
  readonly #asked = new Map<string, number>(); // the timers of what is on its way

  /** `linked`: the modules that parts share with the panel, by name. */
  constructor(host: Pick<Host<unknown>, "send" | "listen">, linked: Linked, signal: AbortSignal) {
    this.#host = host;
    this.#linked = linked;
    this.#signal = signal;
    host.listen(
      "part",
      ({ name, text, error }) => {
        if (text === undefined) this.#end(name, { failed: error ?? "the kernel has no such part" });
        else this.#load(name, text);
      },
      signal,
    );
    signal.addEventListener("abort", () => this.#asked.forEach(clearTimeout), { once: true });
  }

  get<Module>(name: string): Readable<Part<Module>> {
    let found = this.#parts.get(name);
    if (!found) {
      found = new Store<Part<unknown>>({});
      this.#parts.set(name, found);
    }
    return found as Readable<Part<Module>>;
  }

  /** See to it that a part comes, unless it is here or on its way. */
  want(name: string): void {
    if (this.get(name).get().module || this.#asked.has(name)) return;
    this.#parts.get(name)?.set({});
    const late = () => this.#end(name, { failed: "the kernel has not answered, it may be busy" });
    this.#asked.set(name, setTimeout(late, patience) as unknown as number);
    if (!this.#host.send({ kind: "part", name })) this.#end(name, { failed: "the kernel cannot be reached" });
  }

  async #load(name: string, text: string): Promise<void> {
    const store = this.#parts.get(name);
    if (!store || store.get().module) return;
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    try {
      const loaded: { default: Load } = await import(/* @vite-ignore */ url);
      const module = loaded.default((wanted) => {
        if (!Object.hasOwn(this.#linked, wanted)) throw new Error(`${wanted} is not in this panel`);
        return this.#linked[wanted];
      });
      this.#end(name, { module });
    } catch (error) {
      console.error(`tunebook: the part ${name} could not be loaded.`, error);
      this.#end(name, { failed: `it could not be loaded (${error instanceof Error ? error.message : String(error)})` });
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  #end(name: string, part: Part<unknown>): void {
    clearTimeout(this.#asked.get(name));
    this.#asked.delete(name);
    const store = this.#parts.get(name);
    if (!this.#signal.aborted && !store?.get().module) store?.set(part);
  }
}
