// Tokens a row: how long the rows are, and where the trainer cuts.

import { count } from "../shared/format";
import type { DataView as View } from "../shared/types";

interface Props {
  histogram: NonNullable<View["histogram"]>;
  maxLength: number | null;
  tokens: View["tokens"];
  /** What the limit does to a row that is longer. */
  cuts?: string;
}

const width = 280;
const height = 56;

export function Histogram({ histogram: { edges, counts }, maxLength, tokens, cuts = "cut at" }: Props) {
  const first = edges[0] ?? 0;
  const last = edges.at(-1) ?? 1;
  const span = Math.max(last - first, 1);
  const highest = Math.max(...counts, 1);
  const x = (value: number) => ((value - first) / span) * width;
  const cut = maxLength !== null && maxLength < last ? maxLength : null;
  const parts = tokens ? [tokens.p50, tokens.p99] : [];
  const said = [
    ...(tokens
      ? [`half within ${count(tokens.p50)}, 99 % within ${count(tokens.p99)}, the longest ${count(tokens.max)}`]
      : []),
    ...(cut !== null ? [`${cuts} ${count(cut)}`] : []),
  ];
  const words = ["tokens a row", said.join(", ")].filter(Boolean).join(": ");
  const mark = (at: number, part = "") => (
    <line class={part} x1={x(at)} x2={x(at)} y1="0" y2={height} vector-effect="non-scaling-stroke" />
  );
  return (
    <figure class="tb-histogram">
      <figcaption class="tb-label">{words}</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {counts.map((rows, bin) => {
          const left = x(edges[bin] ?? first);
          const right = x(edges[bin + 1] ?? last);
          // A bin with a single row among thousands must still be seen.
          const tall = rows === 0 ? 0 : Math.max(1.5, (rows / highest) * (height - 4));
          const over = cut !== null && (edges[bin] ?? 0) >= cut;
          return (
            <rect
              class={over ? "tb-over" : ""}
              x={left + 0.5}
              width={Math.max(right - left - 1, 0.5)}
              y={height - tall}
              height={tall}
            />
          );
        })}
        {parts.map((at) => mark(at, "tb-part"))}
        {cut !== null && mark(cut)}
      </svg>
      <div class="tb-label tb-ends">
        <span>{count(first)}</span>
        <span>{count(last)}</span>
      </div>
    </figure>
  );
}
