import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import { afterEach, describe, it } from "vitest";
import { isWebGpuMissing } from "../../testing/webGpu.ts";
import { forceVariant, type Variant } from "./variants.ts";

const missing = await isWebGpuMissing();

const VARIANTS: readonly Variant[] = ["direct", "tiled32", "tiled64", "fused32", "fused64"];

describe.skipIf(missing).each(VARIANTS)("the ring kernels by %s", (variant) => {
  afterEach(() => forceVariant(undefined));
  for (const { name, run } of conformanceCases({ randomCases: 0 })) {
    if (!/^ring kernels/.test(name)) continue;
    it(name, async () => {
      forceVariant(variant);
      await run();
    });
  }
});
