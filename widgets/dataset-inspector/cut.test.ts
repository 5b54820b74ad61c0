import { expect, test } from "vitest";
import type { PreviewRow, PreviewSequence, TokenRole } from "../shared/types";
import { cutAt } from "./cut";

/** A sequence from its roles, one letter a token, as TRL leaves it under `limit`. */
function sequence(roles: string, limit = Number.POSITIVE_INFINITY, listed = roles.length): PreviewSequence {
  const uncut = [...roles].map((letter): TokenRole => (letter === "t" ? "trained" : "masked"));
  const left = uncut.map((role, at): TokenRole => (at < limit ? role : "cut"));
  const whole: PreviewSequence["whole"] = [];
  for (const role of uncut) {
    const last = whole.at(-1);
    if (last?.[0] === role) last[1] += 1;
    else whole.push([role, 1]);
  }
  const of = (role: TokenRole) => left.filter((each) => each === role).length;
  return {
    tokens: left.slice(0, listed).map((role, at) => ({ text: String(at), role })),
    trained: of("trained"),
    masked: of("masked"),
    cut: of("cut"),
    hidden: Math.max(0, roles.length - listed),
    joined: [],
    whole,
  };
}

const row = (one: PreviewSequence, rejected: PreviewSequence | null = null): PreviewRow => ({
  ...one,
  index: 0,
  raw: {},
  rejected,
});
const roles = ({ tokens }: PreviewSequence) => tokens.map(({ role }) => role[0]).join("");
const counts = ({ trained, masked, cut }: PreviewSequence) => [trained, masked, cut];

test("without a limit that is tried, a row is as TRL made it", () => {
  const made = row(sequence("mmtt", 3));
  expect(cutAt(made, null)).toEqual({ sequences: [made], dropped: false });
});

test("every limit gives what TRL would have made under it, shorter or longer than the plan's", () => {
  for (const text of ["mmmtttmmtt", "tttt", "mmmmt"]) {
    for (let planned = 1; planned <= text.length; planned += 1) {
      for (let tried = 1; tried <= text.length + 2; tried += 1) {
        const { sequences, dropped } = cutAt(row(sequence(text, planned)), tried);
        const meant = sequence(text, tried);
        expect(dropped).toBe(meant.trained === 0);
        if (dropped) expect(counts(sequences[0] as PreviewSequence)).toEqual([0, 0, text.length]);
        else expect(sequences[0]).toMatchObject(meant);
      }
    }
  }
});

test("tokens that are not listed are counted", () => {
  const { sequences } = cutAt(row(sequence("mmmtttmmtt", 10, 4)), 7);
  expect(counts(sequences[0] as PreviewSequence)).toEqual([3, 4, 3]);
  expect(roles(sequences[0] as PreviewSequence)).toBe("mmmt");
});

test("a character of several tokens counts as many, in the role of its first", () => {
  const made = row({ ...sequence("mmttt"), tokens: sequence("mttt").tokens, joined: [[0, 2]] });
  expect(cutAt(made, 4).sequences.map(roles)).toEqual(["mttc"]);
  expect(cutAt(made, 4).sequences.map(counts)).toEqual([[2, 2, 1]]);
  expect(cutAt(made, 1).dropped).toBe(true);
});

test("a pair is dropped as soon as one of its answers has nothing left", () => {
  const pair = row(sequence("mmt"), sequence("mmmmt"));
  expect(cutAt(pair, 5).dropped).toBe(false);
  expect(cutAt(pair, 3)).toMatchObject({ dropped: true });
  expect(cutAt(pair, 3).sequences.map(roles)).toEqual(["ccc", "ccccc"]);
});

test("a row without anything to train, such as a prompt, is not dropped for it", () => {
  expect(cutAt(row(sequence("mmmm")), 2)).toMatchObject({ dropped: false });
});

test("a row that TRL left out as it stands is dropped", () => {
  const gone = { ...sequence("mmtt"), ...{ trained: 0, masked: 0, cut: 4 } };
  expect(cutAt(row(gone), null).dropped).toBe(true);
  expect(cutAt(row({ ...sequence(""), whole: [] }), 8).dropped).toBe(true);
});
