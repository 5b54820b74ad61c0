// One value that changes, and those who watch it.

export interface Readable<T> {
  get(): T;
  /** Calls `changed` after each change until `signal` aborts. */
  subscribe(changed: () => void, signal: AbortSignal): void;
}

export class Watchers {
  readonly #watchers = new Set<() => void>();

  add(changed: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#watchers.add(changed);
    signal.addEventListener("abort", () => this.#watchers.delete(changed), { once: true });
  }

  notify(): void {
    for (const changed of [...this.#watchers]) changed();
  }
}

export class Store<T> implements Readable<T> {
  #value: T;
  readonly #watchers = new Watchers();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    this.#watchers.notify();
  }

  subscribe(changed: () => void, signal: AbortSignal): void {
    this.#watchers.add(changed, signal);
  }
}
