// The buttons that change the run. Each goes quiet the moment it is pressed and stays so until Python has answered.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { PanelSnapshot, Problem, Request } from "../shared/types";
import { Shown } from "../shared/ui";

/** After this long without an answer the button comes back: every request is safe to repeat. */
const patience = 20_000;

interface Props {
  testid: string;
  control: PanelSnapshot["confirm"];
  /** What the press asks for; null where it cannot be asked. */
  request: Request | null;
  /** Shown while the answer is awaited: "Starting". */
  busy: string;
  send: (request: Request) => boolean;
  /** What went wrong last: a new one is an answer too. */
  problem: Problem | null;
  primary?: boolean;
}

export function RunButton({ testid, control, request, busy, send, problem, primary = false }: Props) {
  // Which offer was pressed: another label, plan or problem is another question, and may be answered anew.
  const offer = control ? JSON.stringify([control, request, problem]) : "";
  const [pressed, setPressed] = useState("");
  const [silent, setSilent] = useState(false);
  const sent = useRef("");
  const timer = useRef(0);
  const waiting = offer !== "" && pressed === offer;

  // A new offer forgets the old press, before the user can see and press it; the end forgets all.
  useLayoutEffect(() => {
    sent.current = "";
    setPressed("");
    setSilent(false);
    return () => clearTimeout(timer.current);
  }, [offer]);

  const giveUp = () => {
    sent.current = "";
    setPressed("");
    setSilent(true);
  };
  const press = () => {
    // The screen follows a frame later; a second click within it must find the door shut already.
    if (!request || sent.current === offer) return;
    sent.current = offer;
    setPressed(offer);
    setSilent(false);
    if (!send(request)) return giveUp();
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
        class={`tb-button ${primary ? "tb-primary" : ""}`}
        data-testid={testid}
        hidden={control === null}
        disabled={waiting || !control?.enabled || request === null}
        onClick={press}
      >
        {waiting ? busy : <Shown text={control?.label ?? ""} />}
      </button>
    </>
  );
}
