// The script before anybody pays for it: what a person changed in it, whether it was proved in miniature, its text.

import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { counted } from "../shared/format";
import { memo } from "../shared/memo";
import type { PlanView, Proof, ScriptEdit } from "../shared/plan-types";
import { CopyButton, Glyph, Scroll, Shown, Told } from "../shared/ui";
import { diffLines } from "./diff";

export function ScriptPart({ view }: { view: PlanView }) {
  const { script, script_title, script_path, edit, proof, proving, hints } = view;
  if (!script) return null;
  return (
    <div class="tb-script">
      {proving ? (
        <p class="tb-proof-line" role="status">
          <Glyph name="working" />
          <Shown text={proving} />
        </p>
      ) : (
        proof && <Proved proof={proof} />
      )}
      {edit && <Edit edit={edit} />}
      <Fold summary={<Shown text={script_title} />}>{() => <Text text={script} path={script_path} />}</Fold>
      {hints.length > 0 && (
        <p class="tb-label tb-hints">
          {hints.map((hint) => (
            <span key={hint}>
              <Told text={hint} />
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

interface FoldProps {
  summary: ComponentChildren;
  begins?: boolean;
  /** Made when it is opened, for it may be long. */
  children: () => ComponentChildren;
}

function Fold({ summary, begins = false, children }: FoldProps) {
  const [open, setOpen] = useState(begins);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {open && children()}
    </details>
  );
}

/** A diff of at most so many lines is open: it is what was asked for. */
const short = 40;

function Edit({ edit: { sentence, diff } }: { edit: ScriptEdit }) {
  const begins = diff.split("\n").length <= short;
  return (
    <Fold summary={<Shown text={sentence} />} begins={begins}>
      {() => <Diff diff={diff} />}
    </Fold>
  );
}

const Diff = memo(({ diff }: { diff: string }) => {
  const lines = useMemo(() => diffLines(diff), [diff]);
  return (
    <Scroll class="tb-pre tb-diff" label="What you changed">
      <pre>
        {lines.map(({ kind, text }, at) => {
          const words = <Shown text={text} />;
          if (kind === "added") return <ins key={at}>+ {words}</ins>;
          if (kind === "removed")
            return (
              <del key={at}>
                {"\u2212"} {words}
              </del>
            );
          if (kind === "place") return <i key={at}>{words}</i>;
          return (
            <span key={at}>
              {"  "}
              {words}
            </span>
          );
        })}
      </pre>
    </Scroll>
  );
});

/** What failed stands open, what passed is a click away. */
function Proved({ proof: { passed, sentence, checks } }: { proof: Proof }) {
  const good = checks.filter((check) => check.passed);
  if (passed) {
    return (
      <Fold
        summary={
          <>
            <Glyph name="good" /> <Shown text={sentence} />
          </>
        }
      >
        {() => <Checks checks={good} />}
      </Fold>
    );
  }
  return (
    <div>
      <p class="tb-proof-line tb-stop tb-strong">
        <Glyph name="stop" />
        <Shown text={sentence} />
      </p>
      <Checks checks={checks.filter((check) => !check.passed)} />
      {good.length > 0 && (
        <Fold summary={`${counted(good.length, "check", "checks")} passed`}>{() => <Checks checks={good} />}</Fold>
      )}
    </div>
  );
}

function Checks({ checks }: Pick<Proof, "checks">) {
  return (
    <ul class="tb-checks">
      {checks.map(({ id, name, passed, evidence }) => (
        <li key={id} class={passed ? "" : "tb-failed"}>
          <Glyph name={passed ? "good" : "stop"} />
          <span class="tb-unseen">{passed ? "passed: " : "failed: "}</span>
          <span class="tb-check-name">
            <Shown text={name} />
          </span>
          <span class="tb-small tb-evidence">
            <Shown text={evidence} />
          </span>
        </li>
      ))}
    </ul>
  );
}

const Text = memo(({ text, path }: { text: string; path: string }) => {
  const block = useRef<HTMLPreElement>(null);
  return (
    <figure>
      <figcaption class="tb-label">
        <Shown text={path} class="tb-mono" />
        <CopyButton text={text} fallback={() => block.current} />
      </figcaption>
      <Scroll class="tb-pre tb-source" label="Training script">
        <pre ref={block}>
          {text
            .replace(/\n$/, "")
            .split("\n")
            .map((line, at) => (
              // A line that is only a comment steps back; nothing else of the text is read.
              <span key={at} class={/^\s*#/.test(line) ? "tb-muted" : ""}>
                <Shown text={line} />
                {"\n"}
              </span>
            ))}
        </pre>
      </Scroll>
    </figure>
  );
});
