// A panel that stands alone in a cell: name, sentence and view in a frame of its own.

import type { VNode } from "preact";
import type { Host } from "./host";
import type { Readable } from "./store";
import type { SoloSnapshot } from "./types";
import { Empty, Head, ProblemNote, useValue } from "./ui";

interface Props<View extends { sentence: string }> {
  title: string;
  testid: string;
  /** What to say before Python has sent anything. */
  empty: string;
  snapshot: Readable<SoloSnapshot<View> | null>;
  body: (view: View, state: SoloSnapshot<View>) => VNode;
}

export type SoloHost<View> = Host<SoloSnapshot<View>>;

export function Solo<View extends { sentence: string }>({ title, testid, empty, snapshot, body }: Props<View>) {
  const state = useValue(snapshot);
  const working = state?.working ?? "";
  const view = state?.view ?? null;
  return (
    <section data-testid={testid} aria-label={title}>
      {view ? <Head title={title} sentence={view.sentence} aside={working} /> : <Head title={title} sentence="" />}
      {state?.problem && <ProblemNote problem={state.problem} />}
      {state && view ? (
        body(view, state)
      ) : state?.problem && !working ? null : (
        <Empty sentence={working || empty} working={working !== ""} />
      )}
    </section>
  );
}
