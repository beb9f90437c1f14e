import fc from "fast-check";
import { expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { singleProcess } from "./communicator.ts";
import { shareOf } from "./share.ts";

it("shares anything without gap or overlap, as evenly as possible", () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.integer({ min: 1, max: 40 }), (count, size) => {
      let at = 0;
      for (let rank = 0; rank < size; rank++) {
        const [first, end] = shareOf(count, rank, size);
        expect(first).toBe(at);
        expect([Math.floor(count / size), Math.ceil(count / size)]).toContain(end - first);
        at = end;
      }
      expect(at).toBe(count);
    }),
  );
  expectGmrError(() => shareOf(5, 2, 2), "invalid-argument", "rank 2, expected one of 0 to 1");
  expectGmrError(() => shareOf(-1, 0, 2), "invalid-argument", /count/);
});

it("leaves a single process what it has", async () => {
  const alone = singleProcess();
  const values = alone.shared(2).fill(3);
  await alone.allReduce(values);
  alone.allReduceNow(values, "max");
  expect([...values]).toEqual([3, 3]);
  const bytes = Uint8Array.of(1, 2);
  expect(await alone.broadcast(bytes)).toBe(bytes);
  expect(await alone.gather(bytes)).toEqual([bytes]);
  expect(() => alone.abort("no more")).toThrow("no more");
  await alone.close();
});
