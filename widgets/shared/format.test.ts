import { expect, test } from "vitest";
import * as format from "./format";

test.each([
  [0, "0"],
  [1.4234, "1.42"],
  [0.6, "0.6"],
  [171.4, "171"],
  [1234, "1,230"],
  [999.6, "1,000"],
  [0.00014, "1.4e-4"],
  [0.0005, "5e-4"],
  [-0.0312, "-0.0312"],
  [12_300_000, "1.2e7"],
  [Number.NaN, "–"],
  [Number.POSITIVE_INFINITY, "–"],
])("the number %f reads %s", (value, words) => expect(format.number(value)).toBe(words));

test("no number has more than three significant digits, and none is off by more than they allow", () => {
  for (let at = 0; at < 2000; at += 1) {
    const value = 10 ** ((at / 2000) * 12 - 6);
    const words = format.number(value).replaceAll(",", "");
    const digits = words.replace(/e.*/, "").replace(".", "").replace(/^0+/, "").replace(/0+$/, "");
    expect(digits.length, `${value} as ${words}`).toBeLessThanOrEqual(3);
    expect(Math.abs(Number(words) - value) / value, `${value} as ${words}`).toBeLessThan(
      words.includes("e") ? 0.05 : 0.005,
    );
  }
});

test.each([
  [0.42, "0.4 s"],
  [9.1, "9.1 s"],
  [31, "31 s"],
  [80, "80 s"],
  [100, "1.7 min"],
  [1860, "31 min"],
  [7200, "2 h"],
  [9000, "2.5 h"],
  [259_200, "3 days"],
  [-1, "–"],
])("%f seconds read %s", (seconds, words) => expect(format.duration(seconds)).toBe(words));

test("a band of time is in the longer one's unit, and says one thing once", () => {
  expect(format.durationRange(1080, 1860)).toBe("18 to 31 min");
  expect(format.durationRange(300, 300)).toBe("5 min");
  expect(format.durationRange(3240, 5760)).toBe("0.9 to 1.6 h");
});

test.each([
  [0, "$0"],
  [0.42, "$0.42"],
  [0.001, "under $0.01"],
  [12.5, "$12.50"],
  [99.999, "$100"],
  [1234.4, "$1,234"],
])("%f dollars read %s", (usd, words) => expect(format.money(usd)).toBe(words));

test("a band of prices", () => {
  expect(format.moneyRange(0.12, 0.208)).toBe("$0.12 to $0.21");
  expect(format.moneyRange(0, 0)).toBe("$0");
});

test.each([
  [0, "0 B"],
  [512, "512 B"],
  [98_400_000, "98.4 MB"],
  [999_600, "1 MB"],
  [1_234_000_000, "1.23 GB"],
])("%d bytes read %s", (size, words) => expect(format.bytes(size)).toBe(words));

test.each([
  [0.075, "7.5 %"],
  [0.00001, "under 0.1 %"],
  [0, "0 %"],
  [1, "100 %"],
  [0.9999, "over 99.9 %"],
])("the share %f reads %s", (share, words) => expect(format.percent(share)).toBe(words));

test("differences carry their sign, p values their bound", () => {
  expect(format.delta(17)).toBe("+17");
  expect(format.delta(-0.031)).toBe("\u22120.031");
  expect(format.delta(0)).toBe("0");
  expect(format.pValue(0.004)).toBe("p 0.004");
  expect(format.pValue(0.0002)).toBe("p < 0.001");
  expect(format.pValue(0.21)).toBe("p 0.21");
});

test("a loss keeps its zeros, so that a live value keeps its width", () => {
  expect(format.loss(1.4)).toBe("1.40");
  expect(format.loss(0.1)).toBe("0.100");
});

test("counts are exact", () => {
  expect(format.counted(1, "row", "rows")).toBe("1 row");
  expect(format.counted(1234567, "row", "rows")).toBe("1,234,567 rows");
});

test("memory has one decimal below a hundred GiB and none above", () => {
  expect(format.gibRange(9, 11.24)).toBe("9.0 to 11.2");
  expect(format.gibRange(7.55, 7.56)).toBe("7.5 to 7.6");
  expect(format.gibRange(7.5, 7.5)).toBe("7.5");
  expect(format.gibRange(88.2, 139.8)).toBe("88 to 140");
  expect(format.gibRange(Number.NaN, 1)).toBe("–");
});
