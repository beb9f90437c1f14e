// The device that the native library computes on.

import { execFileSync } from "node:child_process";
import os from "node:os";
import * as tf from "@tensorflow/tfjs";
import { nativeKernels } from "./native/module.ts";
import { nativeBackend } from "./nativeBackend.ts";
import { node } from "./state.ts";

export interface NodeDevice {
  kind: "cpu" | "gpu";
  /** As the processor or the driver names it. */
  name: string;
  /** Bytes: of the machine, or of the GPU; 0 if the driver does not say. */
  memory: number;
  /** Version of the GPU's driver. */
  driver?: string;
  /** Version of libtensorflow. */
  tensorflow: string;
  /** Instructions of this package's own kernels, such as `avx512`; absent if they are not used. */
  kernels?: string;
}

/**
 * The device of the active backend. On a machine with several GPUs, set CUDA_VISIBLE_DEVICES to a single number:
 * otherwise this describes the first GPU that the driver lists.
 * @throws GmrError `unsupported` if another backend is active
 */
export function nodeDevice(): NodeDevice {
  const { binding, isUsingGpuDevice } = nativeBackend(tf.backend());
  const tensorflow = binding.TF_Version;
  if (isUsingGpuDevice) {
    const gpus = driverGpus() ?? [];
    const visible = Number.parseInt(process.env.CUDA_VISIBLE_DEVICES ?? "0", 10);
    const gpu = gpus[visible] ?? gpus[0] ?? { name: "unknown GPU", memory: 0 };
    return { kind: "gpu", ...gpu, tensorflow };
  }
  const name = os.cpus()[0]?.model.trim() ?? "unknown processor";
  const { hasKernels } = node.stateOf(tf.backend());
  const found = nativeKernels();
  const kernels = hasKernels && "instructions" in found ? { kernels: found.instructions } : {};
  return { kind: "cpu", name, memory: os.totalmem(), tensorflow, ...kernels };
}

/** A GPU as the NVIDIA driver describes it; memory in bytes. */
export interface DriverGpu {
  name: string;
  memory: number;
  driver: string;
}

let asked: { gpus: DriverGpu[] | undefined } | undefined;

/** The GPUs that the NVIDIA driver lists; undefined if there is no driver. Queried once. */
export function driverGpus(): DriverGpu[] | undefined {
  asked ??= { gpus: askDriver() };
  return asked.gpus;
}

function askDriver(): DriverGpu[] | undefined {
  const query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"];
  try {
    const table = execFileSync("nvidia-smi", query, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 10_000,
    });
    return parseGpus(table);
  } catch {
    return undefined;
  }
}

/** Rows of name, memory in MiB, driver version. */
export function parseGpus(table: string): DriverGpu[] {
  return table
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [name, mebibytes, driver] = line.split(",").map((cell) => cell.trim());
      return { name, memory: (Number(mebibytes) || 0) * 2 ** 20, driver };
    });
}
