// The conformance suite: what a TensorFlow.js backend must get right to run GMR convolutions, with or without its own
// kernels. It needs no test framework. Make the backend active, then run every case:
//
//   for (const { name, run } of conformanceCases()) test(name, run);
//
// Results are compared with the float64 reference of `@gmr-conv/core/reference`, within `TOLERANCES`.

import { checkKeys, checkNonNegativeInteger, type KeysOf } from "@gmr-conv/core";
import { batchNormCases } from "./batchNormCases.ts";
import type { ConformanceCase } from "./conformanceCase.ts";
import { convCases, leakCases, partialGradientCases } from "./convCases.ts";
import { denseConvCases } from "./denseConvCases.ts";
import { elementwiseCases } from "./elementwiseCases.ts";
import { emptyCases } from "./emptyCases.ts";
import { integerCases } from "./integerCases.ts";
import { kernelCases } from "./kernelCases.ts";
import { layerCases } from "./layerCases.ts";
import { mixtureCases } from "./mixtureCases.ts";
import { nonFiniteCases } from "./nonFiniteCases.ts";
import { rowCases } from "./rowCases.ts";
import { secondGradientCases } from "./secondGradientCases.ts";
import { stockGradientCases } from "./stockGradientCases.ts";
import { sumCases } from "./sumCases.ts";
import { symmetryCases } from "./symmetryCases.ts";

export { type ResultKind, TOLERANCES } from "./compare.ts";
export { applies, type ConformanceCase } from "./conformanceCase.ts";
export { kernelNames, missingKernels } from "./missingKernels.ts";

export interface ConformanceOptions {
  /** Random convolutions for each number of axes, one to three, in one case each, besides the fixed list. Default 100. */
  randomCases?: number | undefined;
  /** Seed of the random convolutions. Default 1. */
  seed?: number | undefined;
}

const KEYS: KeysOf<ConformanceOptions> = { randomCases: true, seed: true };

/**
 * All cases, in a fixed order. They may run in any order, one at a time; none leaks tensors.
 *
 * @throws GmrError `invalid-argument` if a number is not an integer of at least 0
 */
export function conformanceCases(options: ConformanceOptions = {}): ConformanceCase[] {
  checkKeys("the options of conformanceCases", options, KEYS);
  const randomCases = checkNonNegativeInteger("randomCases", options.randomCases ?? 100);
  const seed = checkNonNegativeInteger("seed", options.seed ?? 1);
  return [
    ...mixtureCases(),
    ...convCases(randomCases, seed),
    ...partialGradientCases(),
    ...leakCases(),
    ...kernelCases(),
    ...nonFiniteCases(),
    ...symmetryCases(),
    ...batchNormCases(),
    ...elementwiseCases(),
    ...denseConvCases(),
    ...rowCases(),
    ...stockGradientCases(),
    ...secondGradientCases(),
    ...sumCases(),
    ...emptyCases(),
    ...integerCases(),
    ...layerCases(),
  ];
}
