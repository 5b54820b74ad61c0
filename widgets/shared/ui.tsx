// Small parts that every panel is made of. Text from data is only ever a text node.

import { type ComponentChildren, options, render, type VNode } from "preact";
import { useEffect, useErrorBoundary, useRef, useState } from "preact/hooks";
import base from "./base.css?inline";
import controls from "./controls.css?inline";
import type { Readable } from "./store";
import theme from "./theme.css?inline";
import type { Problem } from "./types";
import { pieces } from "./visible";

// However many snapshots arrive, the screen is drawn once a frame, and not at all while the page is hidden.
options.debounceRendering = (draw) => requestAnimationFrame(draw);

/** Draws `view` into `root` with the shared styles and the panel's own, until `signal` aborts. */
export function draw(root: HTMLElement, styles: string[], view: VNode, signal: AbortSignal): void {
  const style = root.ownerDocument.createElement("style");
  style.textContent = written([theme, base, controls, ...styles].join("\n"));
  const body = root.ownerDocument.createElement("div");
  root.append(style, body);
  render(<Boundary>{view}</Boundary>, body);
  signal.addEventListener("abort", () => render(null, body), { once: true });
}

/** A style as it is: widgets/bundling.mjs shortens what nearly every selector begins with. */
export const written = (css: string) => css.replaceAll("~", ".tb .tb-");

/** What a panel shows when drawing it failed: a fault of ours, said as one. */
function Boundary({ children }: { children: ComponentChildren }) {
  const [error] = useErrorBoundary((caught) => console.error("tunebook: a panel could not be drawn.", caught));
  if (!error) return <>{children}</>;
  return (
    <ProblemNote
      problem={{
        what: "This panel could not be drawn.",
        why: error instanceof Error ? error.message : String(error),
        now: "Nothing but what is drawn here is touched. Run the cell again, or use %finetune show for a run.",
      }}
    />
  );
}

/** The store's value, drawn anew after each change. */
export function useValue<T>(store: Readable<T>): T {
  const [value, setValue] = useState(() => store.get());
  useEffect(() => {
    const end = new AbortController();
    const changed = () => setValue(() => store.get());
    store.subscribe(changed, end.signal);
    changed();
    return () => end.abort();
  }, [store]);
  return value;
}

export type GlyphName = "good" | "care" | "stop" | "info" | "working" | "needs_you" | "waiting" | "skipped";

const shapes: Record<GlyphName, VNode> = {
  good: <path d="M2 6.5 4.8 9.2 10 3.2" />,
  care: <path d="M6 1.6 11 10.4H1ZM6 5v2.4M6 8.9v.1" stroke-width="1.4" />,
  stop: <path d="M2.5 2.5l7 7M9.5 2.5l-7 7" />,
  info: <circle cx="6" cy="6" r="2" />,
  working: <path d="M6 1.5A4.5 4.5 0 1 1 1.5 6" />,
  needs_you: <path d="M6 1.2 10.8 6 6 10.8 1.2 6Z" fill="currentColor" />,
  waiting: <circle cx="6" cy="6" r="3.5" stroke-width="1.2" />,
  skipped: <path d="M3 6h6" />,
};
const tones: Partial<Record<GlyphName, string>> = {
  good: "tb-good",
  care: "tb-care",
  stop: "tb-stop",
  working: "tb-accent tb-turning",
  needs_you: "tb-accent",
};

/** A state as a shape; its word stands beside it, seen or unseen. */
export function Glyph({ name }: { name: GlyphName }) {
  return (
    <svg class={`tb-glyph ${tones[name] ?? "tb-muted"}`} viewBox="0 0 12 12" aria-hidden="true">
      {shapes[name]}
    </svg>
  );
}

/** The head of a panel: its name where nothing else says it, its sentence, a quiet aside. */
export function Head({ title, sentence, aside }: { title?: string; sentence: string; aside?: ComponentChildren }) {
  return (
    <div class="tb-head">
      {title && <h2>{title}</h2>}
      <p class="tb-sentence">
        <Shown text={sentence} />
      </p>
      {aside && <span class="tb-aside">{aside}</span>}
    </div>
  );
}

/** What stands in a panel before there is anything to show. */
export function Empty({ sentence, working }: { sentence: string; working: boolean }) {
  return (
    <div class="tb-empty">
      {working && <Glyph name="working" />}
      <span>
        <Shown text={sentence} />
      </span>
    </div>
  );
}

export function ProblemNote({ problem }: { problem: Problem }) {
  return (
    <div class="tb-problem" role="alert">
      <Glyph name="stop" />
      <div>
        <p class="tb-strong">
          <Shown text={problem.what} />
        </p>
        {problem.why && (
          <p>
            <Shown text={problem.why} />
          </p>
        )}
        {problem.now && (
          <p>
            <Told text={problem.now} />
          </p>
        )}
      </div>
    </div>
  );
}

/** Text that may hold a user's or a model's words: what cannot be seen is named, and no direction leaks out. */
export function Shown({ text, class: name = "" }: { text: string; class?: string }) {
  return (
    <bdi class={`tb-data ${name}`}>
      {pieces(text).map((piece) =>
        piece.kind === "text" ? (
          piece.text
        ) : piece.name === "tab" ? (
          "\t"
        ) : piece.breaks ? (
          <br />
        ) : (
          <span class="tb-small">[{piece.name}]</span>
        ),
      )}
    </bdi>
  );
}

/** A sentence of ours in which what stands in backticks is to be typed. */
export function Told({ text }: { text: string }) {
  return (
    <>
      {text.split("`").map((part, at) =>
        at % 2 ? (
          <code key={at}>
            <Shown text={part} />
          </code>
        ) : (
          <Shown key={at} text={part} />
        ),
      )}
    </>
  );
}

interface ScrollProps {
  label: string;
  class: string;
  children: ComponentChildren;
}

/** A block that scrolls within itself: the keyboard must reach it, and a reader must hear what it is. */
export function Scroll({ label, class: name, children }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the focus
    <section class={name} tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

/** Copies `text`; where the page may not, it selects `fallback` for the user's own copy. */
export function CopyButton({ text, fallback }: { text: string; fallback: () => Element | null }) {
  const [label, setLabel] = useState("Copy");
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setLabel("Copied");
    } catch {
      const target = fallback();
      if (target) getSelection()?.selectAllChildren(target);
      setLabel("Selected");
    }
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setLabel("Copy"), 1500);
  };
  return (
    <button type="button" class="tb-button tb-copy" onClick={copy}>
      {label}
    </button>
  );
}

/**
 * For a list, slider or chart that uses keys itself: plain keys end here, or JupyterLab would move between cells or
 * delete one. Ctrl+S and its like go on to it.
 */
export function ownKeys(handle?: (event: KeyboardEvent) => void) {
  return {
    onKeyDown: (event: KeyboardEvent) => {
      handle?.(event);
      if (!(event.ctrlKey || event.metaKey || event.altKey)) event.stopPropagation();
    },
  };
}
