// The turns of a conversation in a row's cells: lists of {role, content} or {from, value}, as JSON text.

import type { Cell, TableInfo } from "../shared/table-types";

export interface Turn {
  role: string;
  text: string;
}

/** Of each column that holds a conversation, its turns. */
export function turnsOf(columns: TableInfo["columns"], cells: Cell[]): { column: string; turns: Turn[] }[] {
  return columns.flatMap(({ name, kind }, at) => {
    const cell = cells[at];
    if (kind !== "nested" && !(kind === "text" && typeof cell === "string" && cell.startsWith("[{"))) return [];
    const turns = parsed(typeof cell === "string" ? cell : null);
    return turns.length > 0 ? [{ column: name, turns }] : [];
  });
}

function parsed(text: string | null): Turn[] {
  if (text === null) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return []; // it was cut on its way
  }
  if (!Array.isArray(value)) return [];
  const turns = value.map(turnOf);
  return turns.every((turn) => turn !== null) ? turns : [];
}

const names: Record<string, string> = { human: "user", gpt: "assistant", bot: "assistant" };

function turnOf(value: unknown): Turn | null {
  if (typeof value !== "object" || value === null) return null;
  const { role, from, content, value: said, ...rest } = value as Record<string, unknown>;
  const who = typeof role === "string" ? role : typeof from === "string" ? (names[from] ?? from) : null;
  if (who === null) return null;
  const text = [plain(content ?? said), plain(rest)].filter((part) => part !== "").join("\n");
  return { role: who, text };
}

/** A text as it is, anything else as JSON; nothing where all of it is null. */
function plain(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "object" && !Array.isArray(value) && Object.values(value).every((each) => each === null))
    return "";
  return JSON.stringify(value, null, 1);
}

const start = /^\[\{"(?:role|from)":"/;
const turn = /"(?:role|from)":"((?:[^"\\]|\\.)*)","(?:content|value)":"((?:[^"\\]|\\.)*)/g;

/**
 * What a conversation says, for one line, also where its JSON was cut: "user: What is this? assistant: an owl". The
 * system's words come last, for they are the same in every row. Null for what is no conversation, or does not hold the
 * searched words, which the JSON itself then shows.
 */
export function glimpse(text: string, search: string): string | null {
  if (!start.test(text)) return null;
  const said = [...text.matchAll(turn)].map(([, role = "", content = ""]) => ({
    role: plainly(role),
    text: plainly(content),
  }));
  const others = said.filter(({ role }) => role !== "system");
  const all = others.length > 0 ? [...others, ...said.filter(({ role }) => role === "system")] : said;
  const line = all.map(({ role, text: words }) => `${names[role] ?? role}: ${words}`).join("  ");
  return line === "" || (search && !line.toLowerCase().includes(search.toLowerCase())) ? null : line;
}

/** The text of a JSON string, though its end may be cut within an escape. */
function plainly(quoted: string): string {
  try {
    return String(JSON.parse(`"${quoted}"`));
  } catch {
    return quoted;
  }
}
