// One row as the trainer's own labels cut it: trained, read only, cut. Each differs by line as well as by colour.

import { useMemo, useState } from "preact/hooks";
import { count } from "../shared/format";
import type { PreviewSequence, TokenRole } from "../shared/types";
import { pieces } from "../shared/visible";
import type { Limit } from "./cut";

type Token = PreviewSequence["tokens"][number];

export const roleWords: Record<TokenRole, string> = { trained: "trained", masked: "read only", cut: "cut" };

/** More would make the page slow; the rest is a click away. */
const atFirst = 3000;

/** Neighbours of one role, for one element and one announcement each. */
export function groups(tokens: readonly Token[]): { role: TokenRole; texts: string[] }[] {
  const found: { role: TokenRole; texts: string[] }[] = [];
  for (const { text, role } of tokens) {
    const last = found.at(-1);
    if (last?.role === role) last.texts.push(text);
    else found.push({ role, texts: [text] });
  }
  return found;
}

export function Tokens({ tokens }: { tokens: Token[] }) {
  const [all, setAll] = useState(false);
  const shown = useMemo(() => groups(all ? tokens : tokens.slice(0, atFirst)), [tokens, all]);
  return (
    <div class="tb-tokens">
      {shown.map(({ role, texts }, at) => (
        <span class={`tb-role tb-${role}`} key={at}>
          <span class="tb-unseen">{roleWords[role]}: </span>
          {texts.map((text, place) => (
            <Token text={text} key={place} />
          ))}
        </span>
      ))}
      {!all && tokens.length > atFirst && (
        <button type="button" class="tb-link" onClick={() => setAll(true)}>
          Show the other {count(tokens.length - atFirst)} tokens
        </button>
      )}
    </div>
  );
}

/** A token whose spaces show only where they would be missed: alone, or more than one in a row. */
function Token({ text }: { text: string }) {
  return (
    <bdi class="tb-token">
      {pieces(/^ +$/.test(text) || / {2}/.test(text) ? text.replaceAll(" ", "·") : text).map((piece) =>
        piece.kind === "text" ? (
          piece.text
        ) : (
          <>
            <span class={piece.mark.length > 1 ? "tb-named" : "tb-mark"}>{piece.mark}</span>
            {piece.breaks && <br />}
          </>
        ),
      )}
    </bdi>
  );
}

/** What the three look like, and how many of each this row has; of a pair those of both answers. */
export function Legend({ sequences, limit }: { sequences: PreviewSequence[]; limit: Limit }) {
  const sum = (of: TokenRole | "hidden") => sequences.reduce((all, each) => all + each[of], 0);
  const cut = sum("cut");
  const hidden = sum("hidden");
  const roles: TokenRole[] = ["trained", "masked", "cut"];
  return (
    <ul class="tb-legend tb-label">
      {roles.map((role) => (
        <li key={role}>
          <span class={`tb-role tb-${role}`}>{roleWords[role]}</span> {count(sum(role))}
        </li>
      ))}
      {limit.tried !== null ? (
        <li>if cut at {count(limit.tried)} tokens</li>
      ) : (
        cut > 0 && limit.planned !== null && <li>after {count(limit.planned)} tokens</li>
      )}
      {hidden > 0 && (
        <li>
          the last {count(hidden)} {sequences.length > 1 ? "of them" : "tokens"} are not listed
        </li>
      )}
    </ul>
  );
}
