import { expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { checkRank, perAxis, product } from "./axes.ts";

it("product multiplies sizes", () => {
  expect(product([])).toBe(1);
  expect(product([2, 3, 4])).toBe(24);
});

it("checkRank allows 1 to 3", () => {
  expect([1, 2, 3].map((rank) => checkRank("rank", rank))).toEqual([1, 2, 3]);
  expectGmrError(() => checkRank("rank", 4), "invalid-argument", "rank must be 1, 2 or 3, got 4");
});

it("perAxis spreads one number and checks lists", () => {
  expect(perAxis("strides", 2, 3)).toEqual([2, 2, 2]);
  expect(perAxis("strides", [1, 2], 2)).toEqual([1, 2]);
  expectGmrError(
    () => perAxis("strides", [1, 2], 3),
    "invalid-shape",
    "strides must have 3 entries, got [1, 2]",
  );
  expectGmrError(
    () => perAxis("strides", [1, 0], 2),
    "invalid-argument",
    "strides[1] must be a positive integer, got 0",
  );
});
