// One curve as a chart: uPlot on a canvas, redrawn at most once a frame, zoomable while the kernel is busy.

import uPlot from "uplot";
import type { Points } from "../shared/points";
import type { Curve, RunView } from "../shared/types";
import { along, type Look, nearest, table, type Window } from "./curves";
import { drawMarks, markNear } from "./marks";
import { type Palette, palette, watchTheme } from "./palette";
import { clock, shareWords, stepWords, tickWords, yRange } from "./ticks";

/** Where the pointer is. */
export interface Readout {
  step: number;
  seconds: number;
  mark: string;
}

export interface ChartState {
  look: Look;
  marks: RunView["marks"];
  maxSteps: number | null;
  window: Window;
}

interface Options {
  points: Points;
  curve: Curve;
  state: ChartState;
  onReadout: (readout: Readout | null) => void;
  onZoom: (window: Window) => void;
}

const height = 232;

export class CurveChart {
  readonly #element: HTMLElement;
  readonly #options: Options;
  #state: ChartState;
  #colours: Palette;
  #plot: uPlot | null = null;
  #frame = 0;
  #cursor = -1; // index into the training points, when the keyboard moves it

  constructor(element: HTMLElement, options: Options, signal: AbortSignal) {
    this.#element = element;
    this.#options = options;
    this.#state = options.state;
    this.#colours = palette(element);
    const redraw = () => this.#request();
    options.points.subscribe(redraw, signal);
    watchTheme(() => {
      this.#colours = palette(element);
      this.#request();
    }, signal);
    const sized = new ResizeObserver(redraw);
    sized.observe(element);
    signal.addEventListener(
      "abort",
      () => {
        sized.disconnect();
        cancelAnimationFrame(this.#frame);
        this.#plot?.destroy();
        this.#plot = null;
      },
      { once: true },
    );
    this.#request();
  }

  update(state: ChartState): void {
    const { look } = this.#state;
    // Another axis has other numbers, another scale other ticks.
    if (look.axis !== state.look.axis || look.log !== state.look.log) {
      this.#plot?.destroy();
      this.#plot = null;
      this.#options.onReadout(null);
    }
    this.#state = state;
    this.#request();
  }

  /** Puts the line of the pointer where it stands in another chart; null takes it away. */
  follow(step: number | null): void {
    const plot = this.#plot;
    if (!plot) return;
    const at = step === null ? null : this.#place(step);
    this.#cursor = step === null ? -1 : nearest(this.#options.points.series(this.#options.curve.train).steps, step);
    plot.setCursor({ left: at === null ? -10 : plot.valToPos(at, "x"), top: 0 }, false);
  }

  /** Moves the readout by points of training, for the keyboard. */
  moveCursor(by: number): void {
    const plot = this.#plot;
    const x = along(this.#options.points.series(this.#options.curve.train), this.#state.look.axis);
    if (!plot || x.length === 0) return;
    const from = this.#cursor < 0 ? (by > 0 ? -1 : x.length) : this.#cursor;
    this.#cursor = Math.max(0, Math.min(x.length - 1, from + by));
    plot.setCursor({ left: plot.valToPos(x[this.#cursor] ?? 0, "x"), top: 0 });
  }

  #request(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    const width = Math.floor(this.#element.clientWidth);
    if (width < 80) return; // in a tab that is not shown
    const { look, window } = this.#state;
    const data = table(this.#options.points, look, window, this.#options.curve);
    if (!this.#plot) {
      this.#plot = new uPlot(this.#settings(width), data, this.#element);
      return;
    }
    if (this.#plot.width !== width) this.#plot.setSize({ width, height });
    this.#plot.setData(data, true);
  }

  /** From 0 to the last step that is to come, so that the curve grows into its frame. */
  #xRange(): [number, number] {
    const { points, curve } = this.#options;
    const { look, window, maxSteps } = this.#state;
    if (window) return [window.from, window.to];
    const end = Math.max(
      along(points.series(curve.train), look.axis).at(-1) ?? 0,
      along(points.series(curve.held_out), look.axis).at(-1) ?? 0,
      look.axis === "step" ? (maxSteps ?? 0) : 0,
    );
    return [0, end > 0 ? end : 1];
  }

  #settings(width: number): uPlot.Options {
    const { look } = this.#state;
    const share = this.#options.curve.kind === "share";
    const ink = (name: keyof Palette) => () => this.#colours[name];
    const axis = {
      stroke: ink("muted"),
      font: this.#colours.font,
      grid: { stroke: ink("line"), width: 1 },
      ticks: { show: false },
    };
    return {
      width,
      height,
      padding: [8, 20, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
      },
      scales: {
        x: { time: false, range: () => this.#xRange() },
        y: look.log
          ? { distr: 3, range: (_, low, high) => (low > 0 ? [low / 1.15, high * 1.15] : [0.1, 10]) }
          : { range: (_, low, high) => (share ? [0, 1.04] : yRange(low, high)) },
      },
      axes: [
        {
          ...axis,
          size: 28,
          gap: 6,
          space: 72,
          grid: { show: false },
          ...(look.axis === "time" && {
            incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400],
          }),
          values: (_, ticks) => ticks.map((tick) => (look.axis === "time" ? clock(tick) : stepWords(tick))),
        },
        {
          ...axis,
          size: 44,
          gap: 8,
          space: 40,
          values: (plot, ticks) => (hasPoints(plot) ? (share ? shareWords : tickWords)(ticks) : ticks.map(() => "")),
        },
      ],
      series: [
        {},
        {
          stroke: ink(look.smoothing > 0 ? "faint" : "accent"),
          width: look.smoothing > 0 ? 1 : 1.5,
          points: { show: (_, __, from, to) => to - from < 2, size: 5, fill: ink("accent") },
        },
        { stroke: ink("accent"), width: 1.75, points: { show: false } },
        {
          stroke: ink("second"),
          width: 1.25,
          dash: [4, 4],
          points: { show: true, size: 8, width: 1.75, stroke: ink("second"), fill: ink("surface") },
        },
      ],
      hooks: {
        drawClear: [],
        draw: [(plot) => drawMarks(plot, this.#state.marks, (step) => this.#place(step), this.#colours)],
        setCursor: [(plot) => this.#readout(plot)],
        setSelect: [(plot) => this.#zoom(plot)],
      },
    };
  }

  /** Where a step lies on the axis at hand, or null where the points do not say. */
  #place(step: number): number | null {
    if (this.#state.look.axis === "step") return step;
    const { steps, seconds } = this.#options.points.series(this.#options.curve.train);
    const at = nearest(steps, step);
    return at < 0 ? null : (seconds[at] ?? null);
  }

  #readout(plot: uPlot): void {
    const { left } = plot.cursor;
    const { points, curve, onReadout } = this.#options;
    const { axis } = this.#state.look;
    const train = points.series(curve.train);
    const at = left === undefined || left < 0 ? -1 : nearest(along(train, axis), plot.posToVal(left, "x"));
    if (at < 0 || left === undefined) {
      onReadout(null);
      return;
    }
    const step = train.steps[at] ?? 0;
    const mark = markNear(this.#state.marks, (markStep) => {
      const x = this.#place(markStep);
      return x === null ? Number.POSITIVE_INFINITY : Math.abs(plot.valToPos(x, "x") - left);
    });
    this.#cursor = at;
    onReadout({
      step,
      seconds: train.seconds[at] ?? Number.NaN,
      mark,
    });
  }

  #zoom(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    this.#options.onZoom({ from: plot.posToVal(left, "x"), to: plot.posToVal(left + width, "x") });
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }
}

/** An axis without a point would be an axis of made-up numbers. */
function hasPoints(plot: uPlot): boolean {
  return (plot.data[0]?.length ?? 0) > 0;
}
