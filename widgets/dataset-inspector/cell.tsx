// One cell on one line: what cannot be seen is named, what is searched for is marked, what is missing says so.

import { memo } from "../shared/memo";
import type { Cell } from "../shared/types";
import { oneLine } from "../shared/visible";

const shownMost = 160;

export const CellText = memo(({ cell, search }: { cell: Cell; search: string }) => {
  if (cell === null) return <span class="tb-nothing">null</span>;
  const whole = typeof cell === "string" ? cell : cell[0];
  if (whole === "") return <span class="tb-nothing">empty</span>;
  const at = search ? whole.toLowerCase().indexOf(search.toLowerCase()) : -1;
  // A hit that would be out of sight is brought into it.
  const from = at > 60 ? at - 24 : 0;
  const text = whole.slice(from, from + shownMost);
  const more = typeof cell !== "string" || from + shownMost < whole.length;
  return (
    <bdi class="tb-cell">
      {from > 0 && "…"}
      {at < 0 ? (
        oneLine(text)
      ) : (
        <>
          {oneLine(text.slice(0, at - from))}
          <mark>{oneLine(text.slice(at - from, at - from + search.length))}</mark>
          {oneLine(text.slice(at - from + search.length))}
        </>
      )}
      {more && "…"}
    </bdi>
  );
});
