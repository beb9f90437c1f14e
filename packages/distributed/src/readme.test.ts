import { expect, it } from "vitest";
import { runReadmeExample } from "../../../tooling/testing/runReadmeExample.ts";

it("the README's example prints what it says", () => {
  const { printed, expected } = runReadmeExample(new URL("../", import.meta.url));
  expect(printed).toBe(expected);
});
