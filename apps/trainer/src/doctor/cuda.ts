// The CUDA libraries that TensorFlow loads, and whether this machine has them.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

interface CudaNeeds {
  cuda: string;
  cudnn: string;
  /** Libraries that TensorFlow opens when it starts; if one is missing, it computes on the CPU. */
  libraries: string[];
}

const CUDA_11 = [
  "libcudart.so.11.0",
  "libcublas.so.11",
  "libcufft.so.10",
  "libcusolver.so.11",
  "libcusparse.so.11",
];
const CUDA_12 = [
  "libcudart.so.12",
  "libcublas.so.12",
  "libcufft.so.11",
  "libcusolver.so.11",
  "libcusparse.so.12",
];

/** From the tested build configurations of https://www.tensorflow.org/install/source#gpu. */
const NEEDS: readonly [since: number, cuda: string, cudnn: string, libraries: string[]][] = [
  [15, "12.2", "8.9", CUDA_12],
  [14, "11.8", "8.7", CUDA_11],
  [12, "11.8", "8.6", CUDA_11],
  [5, "11.2", "8.1", CUDA_11],
];

/** What a version of TensorFlow such as 2.15.1 needs; undefined if unknown. */
export function cudaNeeds(version: string): CudaNeeds | undefined {
  const [major, minor] = version.split(".").map(Number);
  const found = major === 2 && minor <= 15 ? NEEDS.find(([since]) => minor >= since) : undefined;
  if (!found) return undefined;
  const [, cuda, cudnn, libraries] = found;
  return { cuda, cudnn, libraries: [...libraries, "libcudnn.so.8"] };
}

/** Libraries that the dynamic linker would not find. */
export function missingLibraries(libraries: readonly string[]): string[] {
  const folders = (process.env.LD_LIBRARY_PATH ?? "").split(":").filter(Boolean);
  const known = linkerCache();
  return libraries.filter(
    (name) => !known.includes(`${name} `) && !folders.some((folder) => existsSync(path.join(folder, name))),
  );
}

/** The linker's list of libraries; empty if the system has none. */
function linkerCache(): string {
  try {
    const path = `${process.env.PATH}:/sbin:/usr/sbin`;
    const stdio: ["ignore", "pipe", "ignore"] = ["ignore", "pipe", "ignore"];
    return execFileSync("ldconfig", ["-p"], { encoding: "utf8", stdio, env: { ...process.env, PATH: path } });
  } catch {
    return "";
  }
}
