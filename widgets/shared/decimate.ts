// Fewer points for the eye, the same shape: what a plot of a given width can show, no more.

/**
 * Min-max decimation of the points from index `from` to `to`: of each bucket the lowest and the highest stay, in their
 * order, so that no spike is lost. A bucket with a NaN keeps one, so that the gap stays to be seen.
 * Returns the indices that stay, ascending, at most `limit` and always with the first and the last.
 */
export function minMax(values: readonly number[], from: number, to: number, limit: number): number[] {
  const length = to - from;
  if (length <= limit) return Array.from({ length }, (_, at) => from + at);
  const kept: number[] = [from];
  const buckets = Math.max(1, Math.floor((limit - 2) / 3)); // three at most from each: lowest, highest, a gap
  const inner = length - 2;
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const start = from + 1 + Math.floor((bucket * inner) / buckets);
    const end = from + 1 + Math.floor(((bucket + 1) * inner) / buckets);
    let low = -1;
    let high = -1;
    let gap = -1;
    for (let at = start; at < end; at += 1) {
      const value = values[at] ?? Number.NaN;
      if (Number.isNaN(value)) gap = at;
      else {
        if (low < 0 || value < (values[low] ?? 0)) low = at;
        if (high < 0 || value >= (values[high] ?? 0)) high = at;
      }
    }
    const found = [...new Set([low, high, gap])].filter((at) => at >= 0).sort((a, b) => a - b);
    kept.push(...found);
  }
  kept.push(to - 1);
  return kept;
}

/**
 * Exponential moving average, weight 0 (none) to below 1, corrected for its start as in TensorBoard.
 * A NaN stays NaN and does not spoil what follows.
 */
export function smooth(values: readonly number[], weight: number): number[] {
  let average = 0;
  let norm = 0;
  return values.map((value) => {
    if (Number.isNaN(value)) return Number.NaN;
    average = average * weight + (1 - weight) * value;
    norm = norm * weight + (1 - weight);
    return average / norm;
  });
}
