// The model whose tokenizer and template the rows are seen with: named here, looked with at once.

import { useEffect, useState } from "preact/hooks";
import type { Request } from "../shared/types";
import { ownKeys } from "../shared/ui";

interface Props {
  model: string;
  working: boolean;
  send: (request: Request) => boolean;
}

export function SeeAs({ model, working, send }: Props) {
  const [typed, setTyped] = useState(model);
  useEffect(() => setTyped(model), [model]);
  const wanted = typed.trim();
  const ask = () => {
    if (wanted !== model) send({ kind: "see_as", model: wanted });
  };
  return (
    <div class="tb-see-as" {...ownKeys((event) => event.key === "Enter" && ask())}>
      <label>
        <span class="tb-label">The model that reads the rows</span>
        <input
          class="tb-field tb-mono"
          placeholder="owner/name, or a folder"
          spellcheck={false}
          autocomplete="off"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <button type="button" class="tb-button" disabled={working || wanted === model} onClick={ask}>
        Look
      </button>
    </div>
  );
}
