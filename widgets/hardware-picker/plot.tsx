// Price against time, both as P50 with the way to P90: what is worth its money stands on the line of the front. A picture of
// the table, and nothing that is not in it: hidden from those who hear the page.

import { useState } from "preact/hooks";
import { durationRange, money, moneyRange } from "../shared/format";
import type { Band, PlanOption, PlanView } from "../shared/plan-types";
import { Shown } from "../shared/ui";
import { named, samePlace } from "./asking";
import { placed } from "./plot-names";
import { priceScale, priceTick, timeScale, timeTick } from "./plot-scale";

export type Spot = { flavor: string; tuning: string; seconds: Band; usd: Band };

interface Props {
  view: PlanView;
  /** Where the sliders stand, if that is not the plan. */
  tried: Spot | null;
  /** Look closer at an option: null where there is nothing to look with. */
  pick: ((option: PlanOption) => void) | null;
}

type Drawn = Spot & { option: PlanOption };

/** The options that can be drawn: fitting, with a time and a price. */
export function drawable({ options }: PlanView): Drawn[] {
  return options.flatMap((option) => {
    const { flavor, tuning, hours, usd, fits } = option;
    if (!fits || !hours || !usd || !(hours.p50 > 0)) return [];
    return [{ option, flavor, tuning, usd, seconds: { p50: hours.p50 * 3600, p90: hours.p90 * 3600 } }];
  });
}

/** The plot is small, and the table has the whole name. */
const brief = (name: string) => (name.length > 18 ? `${name.slice(0, 17)}…` : name);
const diamond = "M0-6 6 0 0 6-6 0Z";
const percent = (share: number) => `${(share * 100).toFixed(2)}%`;
/** Of the height, from the top: the lane of what costs nothing, and where prices end above it. */
const free = 0.93;

function scales(spots: Spot[], budget: number | null) {
  const paid = spots.flatMap(({ usd }) => [usd.p50, usd.p90]).filter((usd) => usd > 0);
  const none = spots.some(({ usd }) => usd.p50 <= 0);
  const ends = paid.length > 0 ? paid : [0.1, 1];
  // A budget that is far from all prices would squeeze them into a corner.
  const near = budget !== null && budget > Math.min(...ends) / 8 && budget < Math.max(...ends) * 8;
  const price = priceScale(near ? [...ends, budget] : ends);
  const time = timeScale(spots.flatMap(({ seconds }) => [seconds.p50, seconds.p90]));
  const floor = none ? free - 0.1 : 1;
  return {
    time,
    price,
    none,
    budget: near ? budget : null,
    x: (value: number) => time.at(value),
    y: (usd: number) => (usd > 0 ? (1 - price.at(usd)) * floor : free),
  };
}

export function Plot({ view, tried, pick }: Props) {
  const [under, setUnder] = useState<Drawn | null>(null);
  const drawn = drawable(view);
  const spots: Spot[] = tried ? [...drawn, tried] : drawn;
  const { time, price, none, budget, x, y } = scales(spots, view.budget?.left ?? null);
  const front = drawn.filter(({ option }) => option.front).sort((a, b) => a.seconds.p50 - b.seconds.p50);
  const isChosen = ({ option }: Drawn) => samePlace(option, view.chosen);
  const chosen = drawn.find(isChosen) ?? null;
  const told = under ?? chosen;
  // What matters is drawn last, over the others.
  const weight = (each: Drawn) => (each === told ? 3 : isChosen(each) ? 2 : each.option.front ? 1 : 0);
  const ordered = [...drawn].sort((a, b) => weight(a) - weight(b));
  const spot = ({ seconds, usd }: Spot) => ({ x: x(seconds.p50), y: y(usd.p50) });
  const names = placed(
    [...(chosen ? [chosen] : []), ...front.filter((each) => each !== chosen)].map((each) => ({
      ...spot(each),
      name: brief(each.flavor),
    })),
    spots.map(spot),
  );
  const nearest = (event: PointerEvent | MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const away = ({ seconds, usd }: Drawn) =>
      Math.hypot(
        x(seconds.p50) * box.width - event.clientX + box.left,
        y(usd.p50) * box.height - event.clientY + box.top,
      );
    const [found] = [...drawn].sort((a, b) => away(a) - away(b));
    return found && away(found) < 28 ? found : null;
  };
  const point = (each: Drawn) => `${(x(each.seconds.p50) * 100).toFixed(2)},${(y(each.usd.p50) * 100).toFixed(2)}`;
  return (
    <figure class="tb-price">
      <figcaption class="tb-label">
        price against time, P50 to P90<span class="tb-unseen">: the numbers are those of the table above</span>
      </figcaption>
      <div class="tb-price-frame" aria-hidden="true">
        {price.ticks.map((usd) => (
          <span key={usd} class="tb-label tb-price-tick" style={{ top: percent(y(usd)) }}>
            {priceTick(usd)}
          </span>
        ))}
        {none && (
          <span class="tb-label tb-price-tick" style={{ top: percent(free) }}>
            $0
          </span>
        )}
        {time.ticks.map((at) => (
          <span key={at} class="tb-label tb-time-tick" style={{ left: percent(x(at)) }}>
            {timeTick(at)}
          </span>
        ))}
        {/* biome-ignore lint/a11y: a picture of the table, where keys do the same */}
        <svg
          class={pick ? "tb-picks" : ""}
          onPointerMove={(event) => setUnder(nearest(event))}
          onPointerLeave={() => setUnder(null)}
          onClick={(event) => {
            const found = nearest(event);
            if (found) pick?.(found.option);
          }}
        >
          {price.ticks.map((usd) => (
            <line key={usd} class="tb-grid-line" x1="0" x2="100%" y1={percent(y(usd))} y2={percent(y(usd))} />
          ))}
          {none && <line class="tb-grid-line" x1="0" x2="100%" y1={percent(free)} y2={percent(free)} />}
          {budget !== null && (
            <line class="tb-budget-line" x1="0" x2="100%" y1={percent(y(budget))} y2={percent(y(budget))} />
          )}
          <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
            <polyline class="tb-front-line" points={front.map(point).join(" ")} />
          </svg>
          {ordered.map((each) => {
            const { seconds, usd, option } = each;
            const looked = each === told;
            const kind = isChosen(each) ? "tb-chosen-spot" : option.front ? "tb-front" : "";
            const [left, top, right, upper] = [x(seconds.p50), y(usd.p50), x(seconds.p90), y(usd.p90)].map(percent);
            return (
              <g key={named(option) + option.backend} class={`${kind} ${looked ? "tb-looked" : ""}`}>
                {looked && (
                  <rect
                    x={left}
                    y={upper}
                    width={percent(x(seconds.p90) - x(seconds.p50))}
                    height={percent(Math.max(0, y(usd.p50) - y(usd.p90)))}
                  />
                )}
                <line x1={left} y1={top} x2={right} y2={upper} />
                <circle cx={left} cy={top} r={kind ? 4 : 3} />
              </g>
            );
          })}
          {tried && (
            <svg class="tb-tried" x={percent(x(tried.seconds.p50))} y={percent(y(tried.usd.p50))} aria-hidden="true">
              <path d={diamond} />
            </svg>
          )}
        </svg>
        {names.map(({ name, left, above, ...at }, place) => (
          <span
            key={place}
            class="tb-label tb-spot-name"
            style={{
              left: percent(at.x),
              top: percent(at.y),
              translate: `${left ? "calc(-100% - 7px)" : "7px"} ${above ? "calc(-100% - 1px)" : "1px"}`,
            }}
          >
            <Shown text={name} />
          </span>
        ))}
        {budget !== null && (
          <span class="tb-label tb-budget-word" style={{ top: percent(y(budget)) }}>
            {money(budget)} left
          </span>
        )}
      </div>
      <p class="tb-label tb-price-told" aria-hidden="true">
        {told ? (
          <>
            <Shown text={`${brief(told.flavor)}, ${brief(told.tuning)}`} />:{" "}
            {durationRange(told.seconds.p50, told.seconds.p90)}, {moneyRange(told.usd.p50, told.usd.p90)}
          </>
        ) : (
          "Point at one to read it"
        )}
      </p>
      <ul class="tb-key-line tb-label" aria-hidden="true">
        <li>
          <svg viewBox="-6 -6 12 12" aria-hidden="true">
            <g class="tb-front">
              <circle r="4" />
            </g>
          </svg>{" "}
          nothing is both cheaper and faster
        </li>
        {pick && (
          <li>
            <svg class="tb-tried" viewBox="-7 -7 14 14" aria-hidden="true">
              <path d={diamond} />
            </svg>{" "}
            tried
          </li>
        )}
      </ul>
    </figure>
  );
}
