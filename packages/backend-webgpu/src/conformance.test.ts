import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import { describe, it } from "vitest";
import { isWebGpuMissing } from "../testing/webGpu.ts";

const missing = await isWebGpuMissing();

describe.skipIf(missing)("the conformance suite on the webgpu backend", () => {
  for (const { name, run } of conformanceCases({ randomCases: 10 })) it(name, run);
});
