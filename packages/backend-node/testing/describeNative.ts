import { describe } from "vitest";
import { installedPackages } from "../src/load.ts";

/** Whether a package with its native binding is installed. */
export const hasNative = installedPackages().some(({ binding }) => binding !== undefined);

if (!hasNative) {
  console.warn(
    "skipped: @tensorflow/tfjs-node has no native binding here; " +
      "`node tooling/tfjs-node-from-source/build.mjs` in the repository's root builds it",
  );
}

/** A suite that needs libtensorflow; skipped, with the reason printed, if it was neither downloaded nor built. */
export const describeNative: typeof describe.skip = describe.skipIf(!hasNative);
