// Logarithmic axes of time and price: where a value stands, and which values are named.

export interface Scale {
  /** 0 to 1 along the axis, for a value above 0. */
  at: (value: number) => number;
  ticks: number[];
}

const dollars = Array.from({ length: 8 }, (_, at) => [1, 2, 5].map((digit) => digit * 10 ** (at - 2))).flat();
const minute = 60;
const hour = 3600;
const day = 86_400;
const seconds = [
  ...[1, 2, 5, 10, 20, 30].map((many) => many * minute),
  ...[1, 2, 5, 10].map((many) => many * hour),
  ...[1, 2, 5, 10, 20, 50, 100].map((many) => many * day),
];

/** At least so wide, so that two that are nearly equal look so. */
const narrowest = 4;

/** `apart`: how far from each other, as a share of the axis, named values must stand. */
function scale(values: number[], named: number[], apart: number): Scale {
  const room = 1.2;
  let low = Math.min(...values) / room;
  let high = Math.max(...values) * room;
  if (high / low < narrowest) {
    const middle = Math.sqrt(low * high);
    low = middle / Math.sqrt(narrowest);
    high = middle * Math.sqrt(narrowest);
  }
  const length = Math.log(high / low);
  const at = (value: number) => Math.min(1, Math.max(0, Math.log(value / low) / length));
  const ticks: number[] = [];
  for (const value of named) {
    const last = ticks.at(-1);
    if (value >= low && value <= high && (last === undefined || at(value) - at(last) >= apart)) ticks.push(value);
  }
  return { at, ticks };
}

export const timeScale = (values: number[]) => scale(values, seconds, 0.22);
export const priceScale = (values: number[]) => scale(values, dollars, 0.15);

/** "5 min", "2 h", "1 day". */
export function timeTick(value: number): string {
  if (value < hour) return `${value / minute} min`;
  if (value < day) return `${value / hour} h`;
  return value === day ? "1 day" : `${value / day} days`;
}

/** "$0.05", "$20". */
export function priceTick(value: number): string {
  return value < 1 ? `$${value.toFixed(2)}` : `$${value}`;
}
