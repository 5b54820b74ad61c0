import { expect, test, vi } from "vitest";
import { message } from "../gallery/series";
import { decode, Points } from "./points";

const loss = (from: number, to: number): [number, number, number][] =>
  Array.from({ length: to - from }, (_, at) => [from + at, 3 - (from + at) / 100, from + at]);

function made() {
  const missed = vi.fn();
  return { points: new Points(missed), missed };
}

test("points are appended in the order in which they come", () => {
  const { points, missed } = made();
  points.receive(...message(1, { "train/loss": loss(1, 3) }));
  points.receive(...message(2, { "train/loss": loss(3, 5), "eval/loss": [[4, 2.5, 4]] }));
  expect(points.series("train/loss").steps).toEqual([1, 2, 3, 4]);
  expect(points.last("eval/loss")).toEqual({ step: 4, value: 2.5, seconds: 4 });
  expect(missed).not.toHaveBeenCalled();
});

test("a lost message is asked for once, by the last number seen, and its answer closes the gap", () => {
  const { points, missed } = made();
  points.receive(...message(1, { "train/loss": loss(1, 3) }));
  points.receive(...message(3, { "train/loss": loss(5, 7) }));
  expect(missed.mock.calls).toEqual([[1]]);
  points.receive(...message(3, { "train/loss": loss(3, 7) }));
  points.receive(...message(4, { "train/loss": loss(7, 8) }));
  expect(points.series("train/loss").steps).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(missed).toHaveBeenCalledTimes(1);
});

test("the first message of a run that is long under way is no gap once everything was asked for", () => {
  const { points, missed } = made();
  points.askAll();
  points.receive(...message(70, { "train/loss": loss(1, 90) }));
  points.receive(...message(71, { "train/loss": loss(90, 91) }));
  expect(missed.mock.calls).toEqual([[0]]);
  expect(points.seq).toBe(71);
});

test("what comes twice is there once", () => {
  const { points } = made();
  points.receive(...message(1, { "train/loss": loss(1, 5) }));
  points.receive(...message(1, { "train/loss": loss(1, 5) }));
  expect(points.series("train/loss").steps).toEqual([1, 2, 3, 4]);
});

test("a reset drops what was there: a resumed run begins again at its checkpoint", () => {
  const { points } = made();
  points.receive(...message(9, { "train/loss": loss(1, 50) }, true));
  points.receive(...message(2, { "train/loss": loss(1, 20) }, true));
  expect(points.series("train/loss").steps.at(-1)).toBe(19);
  expect(points.seq).toBe(2);
});

test("a value that was not finite stays one", () => {
  const { points } = made();
  points.receive(...message(1, { "train/loss": [[1, Number.NaN, 1]] }));
  expect(points.last("train/loss")?.value).toBeNaN();
});

test("a buffer shorter than it says gives the whole points it holds", () => {
  const buffer = new DataView(new Float64Array([1, 2, 3, 4, 5, 6, 7]).buffer);
  expect(decode(buffer, 5)).toEqual({ steps: [1, 4], values: [2, 5], seconds: [3, 6] });
});

test("a view into a larger buffer is read from where it begins", () => {
  const bytes = new Uint8Array(8 + 24);
  new DataView(bytes.buffer).setFloat64(8, 42, true);
  expect(decode(new DataView(bytes.buffer, 8), 1).steps).toEqual([42]);
});

test("after the watcher's end nothing is called", () => {
  const { points } = made();
  const end = new AbortController();
  const changed = vi.fn();
  points.subscribe(changed, end.signal);
  points.receive(...message(1, {}));
  end.abort();
  points.receive(...message(2, {}));
  expect(changed).toHaveBeenCalledTimes(1);
});
