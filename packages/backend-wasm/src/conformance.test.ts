import { conformanceCases, missingKernels } from "@gmr-conv/tfjs/conformance";
import { beforeAll, describe, expect, it } from "vitest";
import { useWasm } from "./index.ts";

beforeAll(() => useWasm());

describe("the conformance suite on the wasm backend", () => {
  for (const { name, run } of conformanceCases({ randomCases: 2000 })) it(name, run);
});

it("has every kernel", () => {
  expect(missingKernels()).toEqual([]);
});
