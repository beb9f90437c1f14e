import { describe, expect, it } from "vitest";
import { runReadmeExample } from "../../../tooling/testing/runReadmeExample.ts";
import { isWebGpuMissing } from "../testing/webGpu.ts";

const missing = await isWebGpuMissing();

describe.skipIf(missing)("the README's example", () => {
  it("prints what the README says", () => {
    const { printed, expected } = runReadmeExample(new URL("../", import.meta.url));
    expect(printed).toBe(expected);
  });
});
