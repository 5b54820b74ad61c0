// The model whose tokenizer and template the rows are seen with: named here, looked with at once.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Request } from "../shared/types";
import { ownKeys } from "../shared/ui";

interface Props {
  model: string;
  working: boolean;
  /** Whether the same model is worth another look. */
  fresh: boolean;
  send: (request: Request) => boolean;
}

export function SeeAs({ model, working, fresh, send }: Props) {
  const [typed, setTyped] = useState(model);
  useEffect(() => setTyped(model), [model]);
  const wanted = typed.trim();
  const field = useRef<HTMLInputElement>(null);
  const ask = () => {
    const named = field.current?.value.trim() ?? ""; // what is typed may not be drawn yet
    if (named !== model || (fresh && !working)) send({ kind: "see_as", model: named });
  };
  return (
    <div class="tb-see-as" {...ownKeys((event) => event.key === "Enter" && ask())}>
      <label>
        <span class="tb-label">The model that reads the rows</span>
        <input
          ref={field}
          class="tb-field tb-mono"
          placeholder="owner/name, or a folder"
          spellcheck={false}
          autocomplete="off"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      {working && wanted === model ? (
        <button type="button" class="tb-button" onClick={() => send({ kind: "cancel", of: "inspection" })}>
          Stop
        </button>
      ) : (
        <button type="button" class="tb-button" disabled={wanted === model && !fresh} onClick={ask}>
          Look
        </button>
      )}
    </div>
  );
}
