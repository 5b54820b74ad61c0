// Structural sharing: a snapshot arrives as a new tree each time, though most of it has not changed. Keeping the old
// branches lets a view compare by identity and skip what is the same.

/** `next`, with every branch that equals its counterpart in `previous` replaced by that one. */
export function share<T>(previous: unknown, next: T): T {
  if (Object.is(previous, next)) return next;
  if (!isBranch(previous) || !isBranch(next) || Array.isArray(previous) !== Array.isArray(next)) return next;
  const before = previous as Record<string, unknown>;
  const after = next as Record<string, unknown>;
  const keys = Object.keys(after);
  let same = keys.length === Object.keys(before).length;
  const merged: Record<string, unknown> | unknown[] = Array.isArray(next) ? [] : {};
  for (const key of keys) {
    const value = share(before[key], after[key]);
    if (!(key in before) || !Object.is(value, before[key])) same = false;
    (merged as Record<string, unknown>)[key] = value;
  }
  return (same ? previous : merged) as T;
}

function isBranch(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
