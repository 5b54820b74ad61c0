// What the checks found, worst first; what is clean is folded.

import { count, counted, percent } from "../shared/format";
import type { DataView as View } from "../shared/types";
import { Glyph, type GlyphName, Shown } from "../shared/ui";
import { type Decide, Remedy } from "./remedies";

type Finding = View["findings"][number];

const severities: Record<Finding["severity"], { glyph: GlyphName; word: string; rank: number }> = {
  error: { glyph: "stop", word: "Stops training", rank: 0 },
  warning: { glyph: "care", word: "Worth a look", rank: 1 },
  info: { glyph: "info", word: "Good to know", rank: 2 },
};

export interface Props {
  view: View;
  decide: Decide;
  /** The rows that can be gone to; null: any. */
  onPage: ReadonlySet<number> | null;
  jump: (index: number) => void;
  /** Shows the rows of a finding and no others, where there is a table. */
  only?: ((finding: Finding) => void) | undefined;
}

export function Findings({ view, decide, onPage, jump, only }: Props) {
  const sorted = [...view.findings].sort((a, b) => severities[a.severity].rank - severities[b.severity].rank);
  return (
    <>
      <ul class="tb-findings">
        {sorted.map((finding) => (
          <li key={finding.key}>
            <Glyph name={severities[finding.severity].glyph} />
            <div>
              <p>
                <span class="tb-unseen">{severities[finding.severity].word}: </span>
                <Shown text={finding.message} class="tb-strong" />{" "}
                <span class="tb-label">
                  <Shown text={finding.id} />
                </span>
              </p>
              <p class="tb-small tb-muted">
                {percent(finding.share)} of rows; <Shown text={finding.remedy} />
              </p>
              <Examples rows={finding.examples} onPage={onPage} jump={jump} />
              {only && finding.listed > 0 && (
                <button type="button" class="tb-link tb-small" onClick={() => only(finding)}>
                  {finding.listed < finding.rows
                    ? `Show the first ${count(finding.listed)} of them alone`
                    : "Show them alone"}
                </button>
              )}
              <Remedy finding={finding} view={view} decide={decide} />
            </div>
          </li>
        ))}
      </ul>
      <Checks checks={view.checks} />
    </>
  );
}

/** Row numbers; those on the page at hand can be gone to. */
function Examples({
  rows,
  onPage,
  jump,
}: {
  rows: number[];
  onPage: ReadonlySet<number> | null;
  jump: (index: number) => void;
}) {
  if (rows.length === 0) return null;
  const first = rows.slice(0, 5);
  return (
    <p class="tb-small tb-muted">
      {first.length === 1 ? "Row " : "Rows "}
      {first.map((row, at) => (
        <>
          {at > 0 && ", "}
          {!onPage || onPage.has(row) ? (
            <button type="button" class="tb-link tb-small" onClick={() => jump(row)} aria-label={`Show row ${row}`}>
              {count(row)}
            </button>
          ) : (
            count(row)
          )}
        </>
      ))}
      {rows.length > first.length && ", …"}
    </p>
  );
}

const results: Record<View["checks"][number]["status"], { glyph: GlyphName; word: string }> = {
  passed: { glyph: "good", word: "clean" },
  found: { glyph: "care", word: "found" },
  skipped: { glyph: "skipped", word: "skipped" },
};

function Checks({ checks }: { checks: View["checks"] }) {
  const clean = checks.filter((check) => check.status === "passed").length;
  const skipped = checks.filter((check) => check.status === "skipped").length;
  if (checks.length === 0) return null;
  return (
    <details>
      <summary>
        {clean > 0 && <Glyph name="good" />}
        {counted(clean, "check is clean", "checks are clean")}
        {skipped > 0 && `, ${skipped} skipped`}
      </summary>
      <ul class="tb-fold">
        {checks.map((check) => (
          <li key={check.id} class="tb-check">
            <Glyph name={results[check.status].glyph} />
            <span>
              <Shown text={check.id} class="tb-mono" />{" "}
              <span class="tb-small tb-muted">
                {results[check.status].word}
                {check.why && ": "}
                <Shown text={check.why} />
              </span>
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
