// What stands at the axes of a chart.

import { count, number, percent } from "../shared/format";

/** A little air above and below; a flat line stays in the middle. */
export function yRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const air = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.1 || 1;
  const bottom = low - air;
  return [low >= 0 && bottom < 0 ? 0 : bottom, high + air];
}

/** Steps are counted: what lies between two of them has no name. */
export function stepWords(step: number): string {
  return Number.isInteger(step) ? count(step) : "";
}

/** Ticks with as many decimals as tell neighbours apart; a log scale leaves some of them blank. */
export function tickWords(ticks: (number | null)[]): string[] {
  const shown = ticks.filter((tick) => tick !== null);
  const decimals = Math.max(0, ...shown.map((tick) => decimalsOf(tick)));
  return ticks.map((tick) => (tick === null ? "" : decimals > 4 ? number(tick) : tick.toFixed(decimals)));
}

/** Shares from 0 to 1: "50 %". */
export const shareWords = (ticks: (number | null)[]) => ticks.map((tick) => (tick === null ? "" : percent(tick)));

function decimalsOf(value: number): number {
  const [, decimals = ""] = String(Number(value.toPrecision(6))).split(".");
  return decimals.length;
}

/** Seconds on the axis: "0", "45 s", "2:30", "1:05 h". */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return whole === 0 ? "0" : `${whole} s`;
  const pad = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}:${pad(whole % 60)}`;
  return `${Math.floor(whole / 3600)}:${pad(Math.floor((whole % 3600) / 60))} h`;
}
