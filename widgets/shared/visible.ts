// Text from data, cut into what can be shown as it stands and what must be named: control and bidirectional
// characters could otherwise hide, reorder or fake what the trainer sees.

export type Piece = { kind: "text"; text: string } | { kind: "mark"; mark: string; name: string; breaks: boolean };

/** Characters that draw nothing or change the drawing of others: C0 and C1 controls, format, separators, lone surrogates. */
const unseen =
  /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}|[\u115f\u1160\u17b4\u17b5\u3164\uffa0]|\u034f|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/u;
/** White space that looks like a space and is none. */
const oddSpace = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/u;

const named = new Map<string, { mark: string; name: string }>([
  ["\n", { mark: "↵", name: "newline" }],
  ["\r", { mark: "␍", name: "carriage return" }],
  ["\t", { mark: "⇥", name: "tab" }],
]);

/** Text as pieces; a newline is a mark after which the line really breaks. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let plain = "";
  let previous = "";
  const flush = () => {
    if (plain) found.push({ kind: "text", text: plain });
    plain = "";
  };
  for (const char of text) {
    if (!unseen.test(char) && !oddSpace.test(char)) {
      plain += char;
      previous = char;
      continue;
    }
    // One joiner or emoji selector after a visible character belongs to its drawing; a run of them hides something.
    if (/[\u200d\ufe0f]/u.test(char) && plain !== "" && !unseen.test(previous)) {
      plain += char;
      previous = char;
      continue;
    }
    flush();
    const known = named.get(char);
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    found.push({
      kind: "mark",
      mark: known?.mark ?? `U+${code}`,
      name: known?.name ?? `U+${code}`,
      breaks: char === "\n",
    });
  }
  flush();
  return found;
}

/** One line of plain text with what cannot be seen written out: for titles, marks on a canvas and the like. */
export function oneLine(text: string): string {
  return pieces(text)
    .map((piece) => (piece.kind === "text" ? piece.text : piece.breaks ? " " : `[${piece.name}]`))
    .join("");
}
