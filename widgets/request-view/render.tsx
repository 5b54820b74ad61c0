// What was asked and how it was read: each field beside the words it came from.

import { useState } from "preact/hooks";
import { memo } from "../shared/memo";
import type { RequestView as View } from "../shared/types";
import { Glyph, Shown } from "../shared/ui";
import { spans, words } from "./spans";
import css from "./style.css?inline";

export { css };

export const RequestView = memo(({ view }: { view: View }) => {
  const [pointed, setPointed] = useState<string | null>(null);
  return (
    <div class="tb-body tb-request">
      <p class="tb-instruction">
        {spans(view.instruction, view.fields).map(({ text, field }, at) =>
          field === null ? (
            <Shown key={at} text={text} />
          ) : (
            <mark
              key={at}
              class={pointed === field ? "tb-pointed" : ""}
              onPointerEnter={() => setPointed(field)}
              onPointerLeave={() => setPointed(null)}
            >
              <Shown text={text} />
            </mark>
          ),
        )}
      </p>
      {view.questions.length > 0 && (
        <ul class="tb-asked">
          {view.questions.map(({ field, why }) => (
            <li key={field}>
              <Glyph name="needs_you" />
              <span>
                <Shown text={field} class="tb-mono" /> <Shown text={why} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {view.fields.length > 0 && (
        <table class="tb-table tb-fields">
          <caption class="tb-unseen">Fields that were read</caption>
          <tbody>
            {view.fields.map(({ field, value, start, end }) => (
              <tr
                key={field}
                class={pointed === field ? "tb-picked" : ""}
                onPointerEnter={() => setPointed(field)}
                onPointerLeave={() => setPointed(null)}
              >
                <th scope="row">
                  <Shown text={field} class="tb-mono" />
                </th>
                <td>
                  <Shown text={value} />
                </td>
                <td class="tb-small tb-muted">
                  {start === null || end === null ? (
                    "given as an option"
                  ) : (
                    <>
                      from “<Shown text={words(view.instruction, start, end)} />”
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {view.ignored.length > 0 && (
        <div>
          <p class="tb-label">Not used</p>
          <ul class="tb-ignored">
            {view.ignored.map((text, at) => (
              <li key={at} class="tb-muted">
                <Shown text={text} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
});
