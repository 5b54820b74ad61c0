// What stands in a part's place until it is here, and if it does not come.

import { useEffect } from "preact/hooks";
import { Glyph, Shown, useValue } from "../shared/ui";
import type { Part, Parts } from "./parts";

/** A part, asked for as soon as somebody looks where it belongs. */
export function usePart<Module>(parts: Parts, name: string, looked: boolean): Part<Module> {
  useEffect(() => {
    if (looked) parts.want(name);
  }, [parts, name, looked]);
  return useValue(parts.get<Module>(name));
}

interface Props {
  /** What it is, as the beginning of a sentence: "The curve". */
  what: string;
  failed: string | undefined;
  again: () => void;
}

export function PartToCome({ what, failed, again }: Props) {
  return (
    <div class="tb-empty tb-to-come" role="status">
      {failed ? (
        <p>
          <Shown text={`${what} is not here: ${failed}.`} />{" "}
          <button type="button" class="tb-link" onClick={again}>
            Try again
          </button>
        </p>
      ) : (
        <>
          <Glyph name="working" />
          {what} is on its way
        </>
      )}
    </div>
  );
}
