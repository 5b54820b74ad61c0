import { expect, test } from "vitest";
import { nothingFits, paidPlan } from "../gallery/plans";
import type { Explore, PlanView } from "../shared/plan-types";
import { costWords, explored, planned, requestFor, shapeWords, stops, tuningLike } from "./explored";

const explore = paidPlan.explore as Explore;
const plan = planned(explore, paidPlan.chosen);
const asked = (changes: Partial<typeof plan>, view: PlanView = paidPlan) =>
  requestFor(view, explore, { ...plan, ...changes }, plan);
const at = (flavor: string, tuning: string) =>
  paidPlan.options.findIndex((each) => each.flavor === flavor && each.tuning === tuning);

test("the sliders begin at the plan: its machine, its way, its values", () => {
  expect(plan).toEqual({
    ...{ backend: "hf-jobs", flavor: "a10g-small", tuning: "lora" },
    ...{ context: 2048, rows: 4, rank: 16 },
  });
});

test("where nothing is chosen, or what is chosen is not among the machines, they begin at the first", () => {
  expect(planned(explore, null).flavor).toBe("t4-small");
  expect(planned(explore, { backend: "slurm", flavor: "x", tuning: "full" }).flavor).toBe("t4-small");
});

test("a slider can take the plan's own value, though it is not among the usual ones", () => {
  expect(stops({ value: 1000, steps: [512, 1024] })).toEqual([512, 1000, 1024]);
  expect(stops({ value: 512, steps: [512, 1024] })).toEqual([512, 1024]);
});

test("another machine is looked at with the same tuning, or the first that it has", () => {
  const [machine] = explore.machines;
  if (!machine) throw new Error("no machine");
  expect(tuningLike(machine, "qlora")).toBe("qlora");
  expect(tuningLike(machine, "dora")).toBe("lora");
});

test("as a plan would, it takes the fastest way that fits: checkpointing only where memory needs it", () => {
  const at = (rows: number) => explored(explore, { ...plan, rows });
  expect([1, 4, 8].map((rows) => at(rows)?.way.checkpointing)).toEqual([false, false, true]);
  expect(at(8)?.verdict).toBe("fits");
  expect(at(8)?.seconds.p50).toBeGreaterThan(at(4)?.seconds.p50 ?? 0);
});

test("where no way fits it is the one that needs least", () => {
  const found = explored(explore, { ...plan, rows: 32, context: 16_384 });
  expect([found?.verdict, found?.way.checkpointing]).toEqual(["no", true]);
});

test("only the fields that differ are asked for", () => {
  const plan_id = paidPlan.plan_id;
  expect(asked({})).toBeNull();
  expect(asked({ context: 512 })).toEqual({ kind: "shape", plan_id, max_length: 512 });
  expect(asked({ rows: 1, rank: 64 })).toEqual({ kind: "shape", plan_id, device_batch_size: 1, lora_rank: 64 });
});

test("another option alone is chosen, with other values it is shaped; one that the plan does not have is neither", () => {
  const plan_id = paidPlan.plan_id;
  const l4 = { flavor: "l4x1", tuning: "qlora" };
  expect(asked(l4)).toEqual({ kind: "choose", plan_id, option: at("l4x1", "qlora") });
  expect(asked({ ...l4, rows: 8 })).toEqual({
    ...{ kind: "shape", plan_id, device_batch_size: 8 },
    option: at("l4x1", "qlora"),
  });
  expect(asked({ flavor: "elsewhere", rows: 8 })).toBeNull();
});

test("an option that does not fit as it is can be asked for with values that make it fit, and not without", () => {
  const full = { flavor: "t4-small", tuning: "full" };
  expect(paidPlan.options[at("t4-small", "full")]?.selectable).toBe(false);
  expect(asked(full)).toBeNull();
  expect(asked({ ...full, rows: 1 })).toMatchObject({ kind: "shape", option: at("t4-small", "full") });
});

test("where nothing is chosen the option is named with the values", () => {
  const large = nothingFits.explore as Explore;
  const begin = planned(large, nothingFits.options[0] ?? null);
  expect(requestFor(nothingFits, large, { ...begin, rows: 1 }, begin)).toMatchObject({
    ...{ kind: "shape", option: 0, device_batch_size: 1 },
  });
});

test("what is said of a place: its values, what it needs and costs, and of which card where it does not fit", () => {
  const found = explored(explore, { ...plan, context: 4096, rows: 2, rank: 32 });
  if (!found) throw new Error("nothing found");
  expect(shapeWords(found)).toBe("4,096 tokens, batch 2, rank 32");
  expect(costWords(found)).toMatch(/^\d+\.\d to \d+\.\d GiB, [\d.]+ to [\d.]+ min, \$[\d.]+ to \$[\d.]+$/);
  const large = explored(explore, { ...plan, context: 16_384, rows: 32 });
  expect(large && costWords(large)).toMatch(/GiB of 22, does not fit, /);
});

test("a machine or a law that is not there is nothing", () => {
  expect(explored(explore, { ...plan, flavor: "gone" })).toBeNull();
  expect(explored({ ...explore, laws: {} }, plan)).toBeNull();
});
