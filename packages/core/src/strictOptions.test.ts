import { describe, it } from "vitest";
import { expectStrict, type StrictCase } from "../../../tooling/testing/expectStrict.ts";
import { convGeometry, nearestSymmetricSizes } from "./geometry.ts";
import { referenceConv, referenceConvGrad } from "./reference/reference.ts";
import { gmrKernel, referenceGmrConv, referenceGmrConvGrad } from "./reference/referenceGmr.ts";
import { ringPartition } from "./rings.ts";

const x = new Float32Array(9);
const shape = [1, 3, 3, 1];
const conv = { kernelSize: 3 };
const size = { ...conv, inputSize: [9, 9] };
const weights = [1, 2];

const CASES: readonly StrictCase[] = [
  ["ringPartition", (options) => ringPartition(3, options), "numRings"],
  ["convGeometry", (options: object) => convGeometry({ ...size, ...options }), "strides"],
  [
    "nearestSymmetricSizes",
    (options: object) => nearestSymmetricSizes({ ...size, ...options }, 0),
    "strides",
  ],
  ["referenceConv", (options: object) => referenceConv(x, shape, x, { ...conv, ...options }), "groups"],
  [
    "referenceConvGrad",
    (options: object) => referenceConvGrad(x, shape, x, x, { ...conv, ...options }),
    "groups",
  ],
  ["gmrKernel", (options: object) => gmrKernel({ weights, ...options }, ringPartition(3)), "logSigmas"],
  [
    "referenceGmrConv",
    (options: object) => referenceGmrConv(x, shape, { weights }, { ...conv, ...options }),
    "circular",
  ],
  [
    "referenceGmrConvGrad",
    (options: object) => referenceGmrConvGrad(x, shape, { weights }, [1], { ...conv, ...options }),
    "circular",
  ],
  [
    "the parameters of referenceGmrConv",
    (options: object) => referenceGmrConv(x, shape, { weights, ...options }, conv),
    "logSigmas",
  ],
];

describe("misspelt options are refused", () => {
  it.each(CASES)("%s", (_, call, option) => expectStrict(call, option));
});
