// What each training method makes of the rows: ready, by a mapping (as code that runs), or not, and why.

import { useRef } from "preact/hooks";
import type { DataView as View } from "../shared/types";
import { CopyButton, Glyph, type GlyphName, Scroll, Shown } from "../shared/ui";

type Method = View["methods"][number];

const statuses: Record<Method["status"], { glyph: GlyphName; word: string }> = {
  ready: { glyph: "good", word: "ready" },
  mapping: { glyph: "info", word: "with a mapping" },
  no: { glyph: "skipped", word: "no" },
};

/** `see` looks at the rows as another method does, where that can be asked. */
export function Methods({ view, see }: { view: View; see: ((method: string) => void) | undefined }) {
  const fit = view.methods.filter(({ status }) => status !== "no").map(({ name }) => name.toUpperCase());
  return (
    <details>
      <summary>
        <Shown text={fit.length > 0 ? `Fits ${fit.join(", ")}` : "Fits no method"} />
      </summary>
      <ul class="tb-fold tb-methods">
        {view.methods.map((method) => (
          <li key={method.name} class="tb-check">
            <Glyph name={statuses[method.status].glyph} />
            <div>
              <Shown text={method.name.toUpperCase()} class="tb-strong" />{" "}
              <span class="tb-small tb-muted">
                {statuses[method.status].word}
                {method.name === view.recommended && ", follows from the structure"}: <Shown text={method.why} />
              </span>
              {see && method.status !== "no" && method.name !== view.lens?.method && view.lens && (
                <p>
                  <button type="button" class="tb-link tb-small" onClick={() => see(method.name)}>
                    <Shown text={`See the rows as ${method.name.toUpperCase()} does`} />
                  </button>
                </p>
              )}
              {method.code && <Code name={method.name} code={method.code} />}
            </div>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Code({ name, code }: { name: string; code: string }) {
  const text = useRef<HTMLPreElement>(null);
  return (
    <details>
      <summary class="tb-small">the mapping, as it runs</summary>
      <Scroll class="tb-code" label={`The mapping for ${name.toUpperCase()}`}>
        <pre ref={text}>
          <Shown text={code} />
        </pre>
      </Scroll>
      <CopyButton text={code} fallback={() => text.current} />
    </details>
  );
}
