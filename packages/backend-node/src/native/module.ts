// The kernels in `native/`, compiled for this platform: they add an op to the TensorFlow library in this process.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { reasonOf } from "@gmr-conv/core";

/** Which instructions the kernels of this package use, `avx512`, `avx2` or `generic`; or why there are none. */
export type NativeKernels = { instructions: string } | { missing: string };

let known: NativeKernels | undefined;

/**
 * The kernels that `useNode` adds to the TensorFlow library in this process, loaded at the first call. After `useNode`
 * only: they need the library.
 */
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
  if (file === undefined) {
    const script = fileURLToPath(new URL("../../scripts/build-native.mjs", import.meta.url));
    return { missing: `not compiled for ${platform}; where cc, gcc or clang is installed: node ${script}` };
  }
  try {
    return createRequire(import.meta.url)(file) as { instructions: string };
  } catch (error) {
    return { missing: reasonOf(error) };
  }
}
