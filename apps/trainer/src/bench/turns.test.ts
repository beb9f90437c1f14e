import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { bestInTurn, WARM_UP_ROUNDS } from "./turns.ts";

describe("bestInTurn", () => {
  it("takes turns, and the best of each after warm-up", async () => {
    const order: string[] = [];
    const run = (name: string, times: number[]) => async () => {
      order.push(name);
      return times.shift() ?? Number.NaN;
    };
    const warmUp = new Array<number>(WARM_UP_ROUNDS).fill(0);
    const best = await bestInTurn([run("a", [...warmUp, 3, 1, 2]), run("b", [...warmUp, 6, 5, 4])], 3);
    expect(best).toEqual([1, 4]);
    expect(order.join("")).toBe("ab".repeat(WARM_UP_ROUNDS + 3));
  });

  it("rejects a number of rounds that is not positive", () =>
    expectGmrError(() => bestInTurn([], 0), "invalid-argument", "rounds must be a positive integer, got 0"));
});
