import { expect, it } from "vitest";
import { runReadmeExample } from "../../../tooling/testing/runReadmeExample.ts";

it.each(["Training with `fit`", "Segmentation with `fit`"])(
  "the README's example prints what it says: %s",
  (section) => {
    const { printed, expected } = runReadmeExample(new URL("../", import.meta.url), section);
    expect(printed).toBe(expected);
  },
);
