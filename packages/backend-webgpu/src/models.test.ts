import { networkCases } from "@gmr-conv/models/conformance";
import { describe, it } from "vitest";
import { isWebGpuMissing } from "../testing/webGpu.ts";

const missing = await isWebGpuMissing();

describe.skipIf(missing)("networks train and predict on WebGPU as on the CPU", () => {
  for (const { name, run } of networkCases()) it(name, run);
});
