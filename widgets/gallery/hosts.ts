// The theme variables of the hosts that the panels live in, as those set them.

function set(document: Document, variables: Record<string, string>, background: string): void {
  for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
  document.body.style.background = background;
}

const jupyterFont = {
  "--jp-ui-font-family": "system-ui, sans-serif",
  "--jp-code-font-family": '"DejaVu Sans Mono", monospace',
};

/** From JupyterLab 4's two themes and VS Code's default dark one. */
export const hosts: Record<string, (document: Document) => void> = {
  own: () => {},
  "jupyter-light": (document) => {
    document.body.setAttribute("data-jp-theme-light", "true");
    set(document, { ...jupyterFont, "--jp-layout-color1": "white", "--jp-ui-font-color1": "rgba(0,0,0,.87)" }, "white");
  },
  "jupyter-dark": (document) => {
    document.body.setAttribute("data-jp-theme-light", "false");
    set(
      document,
      { ...jupyterFont, "--jp-layout-color1": "#212121", "--jp-ui-font-color1": "rgba(255,255,255,.87)" },
      "#111",
    );
  },
  "vscode-dark": (document) => {
    document.body.classList.add("vscode-dark");
    set(document, { "--vscode-editor-background": "#1f1f1f", "--vscode-foreground": "#cccccc" }, "#1f1f1f");
  },
};
