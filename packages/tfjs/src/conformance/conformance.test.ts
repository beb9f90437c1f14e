import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { kernelConfig } from "../kernels/register.ts";
import { RingConv } from "../kernels/ringConv.ts";
import { hasKernel } from "../kernels/run.ts";
import { checkClose, TOLERANCES } from "./compare.ts";
import { applies, type ConformanceCase, conformanceCases } from "./index.ts";

// `../conformance.test.ts` tests that a correct backend passes; this file, that a wrong one fails.

beforeAll(() => tf.setBackend("cpu"));
afterEach(() => {
  if (hasKernel(RingConv)) tf.unregisterKernel(RingConv.name, "cpu");
});

const cases = conformanceCases({ randomCases: 3 });

function caseNamed(prefix: string): ConformanceCase {
  const found = cases.find(({ name }) => name.startsWith(prefix));
  if (!found) throw new Error(`no case is named ${prefix}…`);
  return found;
}

/** A RingConv that returns what `spoil` makes of zeros of the right shape. */
function registerWrongKernel(spoil: (zeros: tf.Tensor) => tf.Tensor): void {
  tf.registerKernel(
    kernelConfig(RingConv, "cpu", ({ x, weights }, { outputSize }) =>
      tf.tidy(() => spoil(tf.zeros([x.shape[0], ...outputSize, weights.shape[2]]))),
    ),
  );
}

describe("a wrong kernel fails", () => {
  const mixed = () => caseNamed("2-D, x [2,8,8,1] → 3, kernel 3");

  it("by its numbers", async () => {
    registerWrongKernel((zeros) => zeros);
    await expect(mixed().run()).rejects.toMatchObject({
      name: "GmrError",
      code: "invalid-data",
      message: expect.stringMatching(
        /^y \(ring\) \(at \[\d,\d,\d,\d\]: .* instead of .*\) is off by [\d.]+e[+-]\d of the largest value on backend "cpu", the tolerance is 1e-5$/,
      ),
    });
  });

  it("by NaN", async () => {
    registerWrongKernel((zeros) => zeros.add(Number.NaN));
    await expect(mixed().run()).rejects.toThrow(/ is off by NaN of the largest value/);
  });

  it("by its shape", async () => {
    registerWrongKernel((zeros) => zeros.expandDims(0));
    await expect(mixed().run()).rejects.toThrow(/^y \(ring\) should have shape \[2, 8, 8, 3\], got/);
  });

  it("by its symmetry", async () => {
    registerWrongKernel((zeros) => zeros.add(tf.range(0, zeros.size).reshape(zeros.shape)));
    await expect(caseNamed("symmetry").run()).rejects.toThrow(
      /^conv\(g x\) against g conv\(x\) for g = .* \(ring\) is off by .* the tolerance is 1e-6$/,
    );
  });

  it("by leaked tensors", async () => {
    registerWrongKernel((zeros) => {
      tf.keep(tf.scalar(1));
      return zeros;
    });
    await expect(caseNamed("no tensors leak (ring)").run()).rejects.toThrow(
      'the number of tensors made by the op should be 1, got 2 on backend "cpu"',
    );
  });
});

describe("tolerances", () => {
  it.each(["output", "gradient", "symmetry"] as const)(
    "%s: an error just within passes, one just beyond fails",
    async (kind) => {
      const expected = { data: [2, -1], shape: [2] };
      const off = (share: number) => tf.tensor1d([2, -1 + 2 * share * TOLERANCES[kind]]);
      await checkClose("a", kind, off(0.9), expected);
      await expect(checkClose("a", kind, off(1.1), expected)).rejects.toThrow(
        `the tolerance is ${TOLERANCES[kind].toExponential()}`,
      );
    },
  );
});

it("names every case once", () => {
  const names = conformanceCases({ randomCases: 50 }).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

it("draws the same random cases for the same seed", () => {
  const names = (seed: number) => conformanceCases({ randomCases: 5, seed }).map(({ name }) => name);
  expect(names(1)).toEqual(names(1));
  expect(names(1)).not.toEqual(names(2));
});

it("says which cases need kernels that the backend lacks", async () => {
  const testCase = caseNamed("ring kernels");
  expect(testCase.kernels).toEqual(["RingConv", "RingConvBackpropInput", "RingConvBackpropFilter"]);
  expect(applies(testCase)).toBe(false);
  await testCase.run();
  expect(applies(caseNamed("symmetry"))).toBe(true);
});

it("rejects invalid numbers of cases", () =>
  expectGmrError(
    () => conformanceCases({ randomCases: -1 }),
    "invalid-argument",
    "randomCases must be an integer of at least 0, got -1",
  ));
