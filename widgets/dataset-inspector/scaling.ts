// Ten million rows are taller than any element can be: the scrollbar is scaled, the rows are not.

export const rowHeight = 28;

/** Browsers stop at 16 to 33 million px; this is well below, and still finer than any scrollbar. */
export const tallest = 4_000_000;

export interface Scaling {
  /** How tall the scrolled content is made. */
  height: number;
  /** Whether a pixel of the scrollbar is more than a pixel of rows. */
  scaled: boolean;
  /** The place of the first row's top, in pixels of rows, for a position of the scrollbar. */
  offset(scrollTop: number): number;
  /** The position of the scrollbar for such a place. */
  scrollTop(offset: number): number;
}

export function scaling(rows: number, viewport: number): Scaling {
  const full = rows * rowHeight;
  const most = Math.max(full - viewport, 0);
  const height = Math.min(full, tallest);
  const room = Math.max(height - viewport, 0);
  const scaled = full > tallest;
  const factor = scaled && room > 0 ? most / room : 1;
  return {
    height,
    scaled,
    offset: (scrollTop) => clamp(scrollTop * factor, 0, most),
    scrollTop: (offset) => clamp(offset / factor, 0, room),
  };
}

/** The offset at which a row is whole within the viewport, as near to `offset` as can be. */
export function reveal(row: number, offset: number, viewport: number): number {
  const top = row * rowHeight;
  if (top < offset) return top;
  if (top + rowHeight > offset + viewport) return top + rowHeight - viewport;
  return offset;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
