import { expect, it } from "vitest";
import { anglesBetween, followed, sentenceOf, summarize, type TurnRecord } from "./record.ts";

it.each([
  [0, 0, [0]],
  [3, 27, [10, 20]],
  [27, 3, [10, 20]],
  [355, 12, [0, 10]],
  [12, 355, [0, 10]],
  [100, 100.5, [100]],
  [101, 105, []],
  [170, 190, [170, 180, 190]],
])("finds the multiples of ten degrees on the short way from %d to %d", (from, to, expected) => {
  expect(anglesBetween(from, to)).toEqual(expected);
});

it("counts right answers, or those that stay what they were", () => {
  const said = (digit: number): Float32Array =>
    Float32Array.from({ length: 10 }, (_, i) => Number(i === digit));
  const upright = { gmr: said(4), dense: said(9) };
  const record: TurnRecord = new Map([
    [0, upright],
    [10, { gmr: said(4), dense: said(4) }],
    [20, { gmr: said(4), dense: said(9) }],
  ]);
  const sentence = (label: number | undefined): string =>
    sentenceOf(summarize(record, followed(upright, label), label));
  expect(sentence(4)).toBe(
    "Over the 3 angles shown so far, the GMR network was right at all 3, its dense twin at 1.",
  );
  expect(sentence(undefined)).toMatch(
    /the GMR network kept its upright answer at all 3, its dense twin at 2\.$/,
  );
});
