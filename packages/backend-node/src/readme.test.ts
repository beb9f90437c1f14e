import { expect, it } from "vitest";
import { runReadmeExample } from "../../../tooling/testing/runReadmeExample.ts";
import { describeNative } from "../testing/describeNative.ts";

describeNative("the README's example", () => {
  it("prints what the README says", () => {
    const { printed, expected } = runReadmeExample(new URL("../", import.meta.url));
    expect(printed).toBe(expected);
  });
});
