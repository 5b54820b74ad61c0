// What happened on the way, drawn into the chart: checkpoints as quiet notches, what needs care with its words.

import type uPlot from "uplot";
import type { RunView } from "../shared/types";
import { oneLine } from "../shared/visible";
import type { Palette } from "./palette";

type Mark = RunView["marks"][number];

/** At most so many lines of words above one another; the readout has the rest. */
const rows = 3;
const reach = 6; // pixels from a mark within which the readout names it

export function drawMarks(
  plot: uPlot,
  marks: readonly Mark[],
  place: (step: number) => number | null,
  colours: Palette,
): void {
  const { ctx, bbox } = plot;
  const pixel = devicePixelRatio;
  const ends: number[] = Array.from({ length: rows }, () => Number.NEGATIVE_INFINITY);
  ctx.save();
  ctx.font = colours.font.replace(/[\d.]+px/, (size) => `${Number.parseFloat(size) * pixel}px`);
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  for (const mark of [...marks].sort((a, b) => a.step - b.step)) {
    const value = place(mark.step);
    if (value === null) continue;
    const x = Math.round(plot.valToPos(value, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    if (mark.level === "note") notch(ctx, x, bbox.top + bbox.height, pixel, colours.muted);
    else {
      const colour = mark.level === "stop" ? colours.stop : colours.care;
      line(ctx, x, bbox, pixel, colour, mark.level);
      words(ctx, x, bbox, pixel, colour, colours.surface, mark, ends);
    }
  }
  ctx.restore();
}

/** A small triangle that stands on the axis. */
function notch(ctx: CanvasRenderingContext2D, x: number, bottom: number, pixel: number, colour: string): void {
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(x, bottom - 6 * pixel);
  ctx.lineTo(x + 4 * pixel, bottom);
  ctx.lineTo(x - 4 * pixel, bottom);
  ctx.fill();
}

/** Dashed for care, whole for stop. */
function line(
  ctx: CanvasRenderingContext2D,
  x: number,
  bbox: uPlot.BBox,
  pixel: number,
  colour: string,
  level: Mark["level"],
): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.25 * pixel;
  ctx.setLineDash(level === "stop" ? [] : [3 * pixel, 3 * pixel]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
}

function words(
  ctx: CanvasRenderingContext2D,
  x: number,
  bbox: uPlot.BBox,
  pixel: number,
  colour: string,
  surface: string,
  mark: Mark,
  ends: number[],
): void {
  const gap = 5 * pixel;
  const text = oneLine(mark.text);
  const right = bbox.left + bbox.width - x - gap;
  const left = x - bbox.left - gap;
  const toRight = right >= left || ctx.measureText(text).width <= right;
  const fitted = shorten(ctx, text, toRight ? right : left);
  const width = ctx.measureText(fitted).width;
  const start = toRight ? x + gap : x - gap - width;
  const row = ends.findIndex((end) => end < start - gap);
  if (row < 0 || fitted === "") return;
  ends[row] = start + width;
  const top = bbox.top + row * 16 * pixel;
  ctx.fillStyle = surface;
  ctx.fillRect(start - 2 * pixel, top, width + 4 * pixel, 15 * pixel);
  ctx.fillStyle = colour;
  ctx.fillText(fitted, start, top + pixel);
}

/** `text`, or as much of it as fits with an ellipsis; "" where not even a few characters do. */
function shorten(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  let shorter = text.slice(0, 120);
  while (shorter.length > 3 && ctx.measureText(`${shorter}…`).width > width) shorter = shorter.slice(0, -1);
  return shorter.length > 3 ? `${shorter}…` : "";
}

/** The words of the mark nearest to the pointer, "" where none is near. */
export function markNear(marks: readonly Mark[], distance: (step: number) => number): string {
  let best = "";
  let least = reach;
  for (const mark of marks) {
    const away = distance(mark.step);
    if (away <= least) {
      least = away;
      best = mark.text;
    }
  }
  return best;
}
