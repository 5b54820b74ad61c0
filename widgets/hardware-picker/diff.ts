// A unified diff as lines to show: what was added, what was removed, what stands around it and where that is.

export interface DiffLine {
  kind: "added" | "removed" | "same" | "place";
  text: string;
}

const place = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

export function diffLines(diff: string): DiffLine[] {
  // Empty lines at its end tell nothing.
  return diff
    .replace(/(\n ?)+$/, "")
    .split("\n")
    .map((line) => {
      const found = place.exec(line);
      if (found) return { kind: "place", text: `line ${found[1]}` };
      const text = line.slice(1);
      if (line.startsWith("+")) return { kind: "added", text };
      if (line.startsWith("-")) return { kind: "removed", text };
      if (line.startsWith("@@")) return { kind: "place", text: line.replaceAll("@@", "").trim() };
      return { kind: "same", text };
    });
}
