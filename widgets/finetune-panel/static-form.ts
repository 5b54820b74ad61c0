// The saved, static form of a run follows the live panel in the notebook. While the panel lives it would say all twice.

/** Hides the static form of `run` in this document until `signal` aborts. */
export function hideStaticForm(document: Document, run: string, signal: AbortSignal): void {
  const style = document.createElement("style");
  style.textContent = `.tunebook-static-${CSS.escape(run)}{display:none}`;
  document.head.append(style);
  signal.addEventListener("abort", () => style.remove(), { once: true });
}
