// One of the three values that are tried: a native slider over what it can be, the plan's own value marked below it.

import { useId } from "preact/hooks";
import { count } from "../shared/format";
import { ownKeys } from "../shared/ui";

interface Props {
  name: string;
  /** What is counted: "tokens". */
  unit?: string;
  stops: number[];
  value: number;
  /** The plan's. */
  plan: number;
  /** Whether it changes nothing: there is no adapter. */
  idle?: boolean;
  set: (value: number) => void;
}

export function Slider({ name, unit = "", stops, value, plan, idle = false, set }: Props) {
  const id = useId();
  const last = Math.max(stops.length - 1, 1);
  const words = idle ? "no adapter" : `${count(value)}${unit && ` ${unit}`}`;
  return (
    <div class="tb-slider">
      <label for={id}>{name}</label>
      <output for={id}>{words}</output>
      <span class="tb-slider-track" {...ownKeys()}>
        <input
          id={id}
          type="range"
          min="0"
          max={last}
          value={Math.max(0, stops.indexOf(value))}
          disabled={idle}
          aria-valuetext={words}
          onInput={(event) => {
            const wanted = stops[Number(event.currentTarget.value)];
            if (wanted !== undefined) set(wanted);
          }}
        />
        <i style={{ "--tb-share": stops.indexOf(plan) / last }} title="the plan" hidden={idle} />
      </span>
    </div>
  );
}
