// The gallery's page: the built bundle of one state, in a column like a notebook's.
// Address: #STATE. The host's theme variables come from `host` in the query: own, jupyter-light, jupyter-dark, vscode-dark.

import { FakeModel } from "./fake-model";
import { tables } from "./fake-table";
import { hosts } from "./hosts";
import { states } from "./states";
import { taken } from "./steps";

const part = async (name: string) => (await fetch(`/bundles/${name}.part.js`)).text();
const { host = "own" } = Object.fromEntries(new URLSearchParams(location.search));
hosts[host]?.(document);

const name = location.hash.slice(1);
const shown = name ? { [name]: states[name] } : states;
for (const [title, state] of Object.entries(shown)) {
  if (!state) throw new Error(`No state is called ${title}.`);
  if (!name) document.body.append(Object.assign(document.createElement("h1"), { textContent: title }));
  const el = document.body.appendChild(document.createElement("div"));
  const { default: widget } = await import(`/bundles/${state.bundle}.js`);
  const model = new FakeModel(state.snapshot, state.table ? tables[state.table] : undefined, part);
  await widget.render({ model, el, signal: new AbortController().signal });
  if (state.points) model.points(state.points);
  const coming = () => [...el.querySelectorAll(".tb-to-come .tb-turning")].some((one) => one.checkVisibility());
  do await new Promise(requestAnimationFrame);
  while (coming());
  await taken(el, state.steps);
}
document.body.dataset.ready = "true";
