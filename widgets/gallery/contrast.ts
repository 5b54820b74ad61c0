// How well the text of a panel stands off from what is behind it, as WCAG 2 computes it.

const canvas = document.createElement("canvas");
canvas.width = 1;
canvas.height = 1;

/** Colours painted over one another, the last on top, as red, green, blue. */
function painted(colours: string[]): [number, number, number] {
  const ink = canvas.getContext("2d", { willReadFrequently: true });
  if (!ink) throw new Error("no canvas");
  ink.clearRect(0, 0, 1, 1);
  for (const colour of colours) {
    ink.fillStyle = colour;
    ink.fillRect(0, 0, 1, 1);
  }
  const [red = 0, green = 0, blue = 0] = ink.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}

function luminance(rgb: [number, number, number]): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** 1 to 21 for the colour of an element's text against the backgrounds behind it. */
export function contrast(element: Element): number {
  const behind: string[] = [];
  for (let at: Element | null = element; at; at = at.parentElement)
    behind.unshift(getComputedStyle(at).backgroundColor);
  const back = luminance(painted(["white", ...behind]));
  const text = luminance(painted(["white", ...behind, getComputedStyle(element).color]));
  return (Math.max(back, text) + 0.05) / (Math.min(back, text) + 0.05);
}

/** Elements with words of their own that are drawn. */
export function withText(root: Element): Element[] {
  return [...root.querySelectorAll("*")].filter(
    (element) =>
      !element.closest(".tb-unseen, style, svg, option") &&
      element.checkVisibility() &&
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.nodeValue?.trim()),
  );
}
