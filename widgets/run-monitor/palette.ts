// The theme's colours as a canvas needs them, and word of a change of theme.

export interface Palette {
  accent: string;
  faint: string;
  second: string;
  care: string;
  stop: string;
  muted: string;
  line: string;
  surface: string;
  font: string;
}

/** Resolved colours: a canvas knows neither custom properties nor light-dark(). */
export function palette(element: HTMLElement): Palette {
  const probe = element.ownerDocument.createElement("i");
  probe.hidden = true;
  element.append(probe);
  const style = getComputedStyle(probe);
  const colour = (value: string) => {
    probe.style.color = value;
    return style.color;
  };
  const found: Palette = {
    accent: colour("var(--tb-accent)"),
    faint: colour("color-mix(in srgb, var(--tb-accent) 38%, var(--tb-surface))"),
    second: colour("var(--tb-second)"),
    care: colour("var(--tb-care)"),
    stop: colour("var(--tb-stop)"),
    muted: colour("var(--tb-muted)"),
    line: colour("var(--tb-line)"),
    surface: colour("var(--tb-surface)"),
    font: `12px ${style.fontFamily}`,
  };
  probe.remove();
  return found;
}

/** Calls `changed` when the host or the system turns light or dark. */
export function watchTheme(changed: () => void, signal: AbortSignal): void {
  const host = new MutationObserver(changed);
  for (const target of [document.documentElement, document.body]) {
    host.observe(target, { attributes: true, attributeFilter: ["class", "style", "theme", "data-jp-theme-light"] });
  }
  signal.addEventListener("abort", () => host.disconnect(), { once: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal });
}
