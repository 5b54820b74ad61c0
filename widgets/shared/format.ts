// Every number that a person reads is written here: at most three significant digits, a unit that fits its size.
// Rounding goes to the nearest except for what a click can cost, whose words come from Python.

/** What stands where a value is not known. */
export const unknown = "–";

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A whole number with thousands separators: counts are exact, never rounded. */
export function count(value: number): string {
  return Number.isFinite(value) ? grouped.format(value) : unknown;
}

/** `one` or `many` behind the exact count: "1 row", "1,200 rows". */
export function counted(value: number, one: string, many: string): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A measured number: 1.42, 0.0312, 171, 1,230, 1.4e-4. */
export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return unknown;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e7) return scientific(value, Math.min(digits, 2));
  if (size >= 999.5) return grouped.format(Number(value.toPrecision(digits)));
  return value
    .toPrecision(digits)
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "");
}

/** A loss keeps its zeros, so that a column or a live value does not change its width: 1.40, 0.0312. */
export function loss(value: number): string {
  if (!Number.isFinite(value)) return unknown;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 999.5) return number(value);
  return value.toPrecision(3);
}

function scientific(value: number, digits: number): string {
  const [mantissa = "0", exponent = "+0"] = value.toExponential(digits - 1).split("e");
  return `${mantissa.replace(/\.?0+$/, "")}e${exponent.replace("+", "")}`;
}

/** A share from 0 to 1 as a percentage: "4.2 %", "under 0.1 %", "100 %". */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return unknown;
  if (share > 0 && share < 0.001) return "under 0.1 %";
  if (share < 1 && share > 0.999) return "over 99.9 %";
  return `${number(share * 100)} %`;
}

const units: [size: number, name: string][] = [
  [1, "s"],
  [60, "min"],
  [3600, "h"],
  [86400, "days"],
];

/** The largest unit in which the value is at least 1.5, so that 80 s stays "80 s" and 100 s is "1.7 min". */
function unitOf(seconds: number): [size: number, name: string] {
  return units.findLast(([size]) => seconds >= 1.5 * size) ?? [1, "s"];
}

function inUnit(seconds: number, size: number): string {
  const value = seconds / size;
  if (size === 1 && value < 10) return number(value, value < 1 ? 1 : 2);
  return value < 10 && size >= 60 ? number(value, 2) : count(Math.round(value));
}

/** A length of time: "0.4 s", "31 min", "2.5 h", "3 days". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return unknown;
  const [size, name] = unitOf(seconds);
  return `${inUnit(seconds, size)} ${name}`;
}

/** Two lengths of time in one unit, that of the longer: "18 to 31 min". */
export function durationRange(low: number, high: number): string {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return unknown;
  const [size, name] = unitOf(high);
  return range(inUnit(low, size), inUnit(high, size), name);
}

/** Dollars: "$0.42", "$12.50", "$123", "under $0.01", "$0". */
export function money(usd: number): string {
  if (!Number.isFinite(usd)) return unknown;
  if (usd === 0) return "$0";
  if (usd > 0 && usd < 0.005) return "under $0.01";
  return usd < 99.995 ? `$${usd.toFixed(2)}` : `$${count(Math.round(usd))}`;
}

/** Two prices: "$0.12 to $0.21", or one where they read the same. */
export function moneyRange(low: number, high: number): string {
  return range(money(low), money(high));
}

/**
 * GiB from `low` to `high`, without the unit, which stands in the head of the column: "5.9 to 7.6". One decimal, or none
 * from a hundred on: a slider does not make the words dance.
 */
export function gibRange(low: number, high: number): string {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return unknown;
  const digits = high < 99.95 ? 1 : 0;
  return range(low.toFixed(digits), high.toFixed(digits));
}

/** A file's size in powers of ten, as the Hub and file managers write it: "512 B", "98.4 MB", "1.2 GB". */
export function bytes(size: number): string {
  if (!Number.isFinite(size) || size < 0) return unknown;
  const names = ["B", "kB", "MB", "GB", "TB"];
  let value = size;
  let name = 0;
  // 999.5 kB would be written "1,000 kB".
  while (value >= 999.5 && name < names.length - 1) {
    value /= 1000;
    name += 1;
  }
  return `${name === 0 ? count(value) : number(value)} ${names[name]}`;
}

/** A difference with its sign, a true minus: "+17", "−0.031", "0". */
export function delta(value: number): string {
  if (!Number.isFinite(value)) return unknown;
  if (value === 0) return "0";
  return `${value > 0 ? "+" : "\u2212"}${number(Math.abs(value))}`;
}

/** A p value: "p 0.004", "p < 0.001". */
export function pValue(p: number): string {
  if (!Number.isFinite(p)) return unknown;
  return p < 0.001 ? "p < 0.001" : `p ${number(p, p < 0.1 ? 1 : 2)}`;
}

function range(low: string, high: string, unit = ""): string {
  const words = low === high ? low : `${low} to ${high}`;
  return unit ? `${words} ${unit}` : words;
}
