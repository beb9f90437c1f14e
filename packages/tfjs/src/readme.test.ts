import { expect, it } from "vitest";
import { runReadmeExample } from "../../../tooling/testing/runReadmeExample.ts";

it.each(["Example", "Checking equivariance", "Kernels that a backend may implement"])(
  "the README's example prints what it says: %s",
  (section) => {
    const { printed, expected } = runReadmeExample(new URL("../", import.meta.url), section);
    expect(printed).toBe(expected);
  },
);
