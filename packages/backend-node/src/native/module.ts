// The kernels in `native/`, compiled for this platform: they add an op to the TensorFlow library in this process.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { reasonOf } from "@gmr-conv/core";

/** Which instructions the kernels were compiled for, or why there are none. */
export type NativeKernels = { instructions: string } | { missing: string };

let known: NativeKernels | undefined;

/** Loads the kernels, once; TensorFlow must be loaded. */
export function nativeKernels(): NativeKernels {
  known ??= load();
  return known;
}

function load(): NativeKernels {
  const platform = `${process.platform}-${process.arch}`;
  // Beside the compiled module; tests run the sources.
  const file = [".", "../../dist/native"]
    .map((folder) => fileURLToPath(new URL(`${folder}/${platform}.node`, import.meta.url)))
    .find((path) => existsSync(path));
  if (file === undefined) return { missing: `not compiled for ${platform}` };
  try {
    return createRequire(import.meta.url)(file) as { instructions: string };
  } catch (error) {
    return { missing: reasonOf(error) };
  }
}
