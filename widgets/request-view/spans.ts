// The instruction cut where a field was read from it. Python counts code points, JavaScript UTF-16 units.

import type { RequestView } from "../shared/types";

export interface Span {
  text: string;
  field: string | null; // null: words between the fields
}

/** The words between two code points. */
export function words(instruction: string, start: number, end: number): string {
  return Array.from(instruction).slice(start, end).join("");
}

/** The instruction in order; of spans that overlap the first wins, and one out of bounds is passed over. */
export function spans(instruction: string, fields: RequestView["fields"]): Span[] {
  const chars = Array.from(instruction);
  const read = fields
    .flatMap(({ field, start, end }) => (start === null || end === null ? [] : [{ field, start, end }]))
    .sort((a, b) => a.start - b.start);
  const found: Span[] = [];
  let at = 0;
  const push = (from: number, to: number, field: string | null) => {
    if (to > from) found.push({ text: chars.slice(from, to).join(""), field });
  };
  for (const { field, start, end } of read) {
    if (start < at || end <= start || end > chars.length) continue;
    push(at, start, null);
    push(start, end, field);
    at = end;
  }
  push(at, chars.length, null);
  return found;
}
