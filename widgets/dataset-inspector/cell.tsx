// One cell on one line: what cannot be seen is named, what is searched for is marked, what is missing says so.

import { memo } from "../shared/memo";
import type { Cell } from "../shared/table-types";
import { pieces } from "../shared/visible";
import { glimpse } from "./turns";

const shownMost = 160;

export const CellText = memo(({ cell, search }: { cell: Cell; search: string }) => {
  if (cell === null) return <span class="tb-nothing">null</span>;
  const given = typeof cell === "string" ? cell : cell[0];
  if (given === "") return <span class="tb-nothing">empty</span>;
  const whole = glimpse(given, search) ?? given;
  const at = search ? whole.toLowerCase().indexOf(search.toLowerCase()) : -1;
  // A hit that would be out of sight is brought into it.
  const from = at > 20 ? at - 12 : 0;
  const text = whole.slice(from, from + shownMost);
  const more = typeof cell !== "string" || from + shownMost < whole.length;
  return (
    <bdi class="tb-cell">
      {from > 0 && "…"}
      {at < 0 ? (
        seen(text)
      ) : (
        <>
          {seen(text.slice(0, at - from))}
          <mark>{seen(text.slice(at - from, at - from + search.length))}</mark>
          {seen(text.slice(at - from + search.length))}
        </>
      )}
      {more && "…"}
    </bdi>
  );
});

/** On one line, with marks where it breaks. */
function seen(text: string): string {
  return pieces(text)
    .map((piece) => (piece.kind === "text" ? piece.text : piece.mark.length > 1 ? `[${piece.mark}]` : piece.mark))
    .join("");
}
