// A button that asks Python for something: quiet from the moment it is pressed until what it offers is new.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Shown } from "./ui";

/** After this long without an answer the button comes back: every request is safe to repeat. */
const patience = 20_000;

interface Props {
  label: string;
  /** What it is about, for those who hear the button alone: "l4x1, lora". */
  about?: string;
  /** Shown while the answer is awaited: "Starting". */
  busy: string;
  class: string;
  /** What is offered: when it is another, the press was answered. */
  offer: unknown;
  /** Sends the request; false if it could not be sent, null if there is nothing to ask for. */
  ask: (() => boolean) | null;
  testid?: string;
  hidden?: boolean;
}

export function Press({ label, about, busy, class: name, offer, ask, testid, hidden = false }: Props) {
  const [waiting, setWaiting] = useState(false);
  const [silent, setSilent] = useState(false);
  const sent = useRef(false);
  const timer = useRef(0);

  // A new offer forgets the old press, before the user can see and press it; the end forgets all.
  useLayoutEffect(() => {
    sent.current = false;
    setWaiting(false);
    setSilent(false);
    return () => clearTimeout(timer.current);
  }, [offer]);

  const giveUp = () => {
    sent.current = false;
    setWaiting(false);
    setSilent(true);
  };
  const press = () => {
    // The screen follows a frame later; a second click within it must find the door shut already.
    if (!ask || sent.current) return;
    sent.current = true;
    setWaiting(true);
    setSilent(false);
    if (!ask()) return giveUp();
    timer.current = window.setTimeout(giveUp, patience);
  };
  return (
    <>
      {silent && (
        <span class="tb-small tb-care" role="status">
          The kernel has not answered; it is safe to press again.
        </span>
      )}
      <button
        type="button"
        class={name}
        data-testid={testid}
        hidden={hidden}
        disabled={waiting || !ask}
        onClick={press}
      >
        {waiting ? busy : <Shown text={label} />}
        {about && <Shown class="tb-unseen" text={` ${about}`} />}
      </button>
    </>
  );
}
