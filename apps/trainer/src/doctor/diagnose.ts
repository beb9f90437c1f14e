// Checks of a backend, one after the other, in plain words.

import { driverGpus, installedPackages, nativeKernels, nodeDevice } from "@gmr-conv/backend-node";
import { reasonOf } from "@gmr-conv/core";
import { applies, conformanceCases } from "@gmr-conv/tfjs/conformance";
import { type BackendName, describeBackend, useBackend } from "../backend.ts";
import { cudaNeeds, missingLibraries } from "./cuda.ts";
import { explainLoadFailure } from "./explain.ts";

export interface Finding {
  /** `note`: something optional is missing. */
  state: "ok" | "note" | "problem";
  text: string;
  /** What to do. */
  advice?: string | undefined;
}

/** Checks whether a backend starts and computes layers correctly here, and if not, why. */
export async function* diagnose(backend: BackendName): AsyncGenerator<Finding, void, undefined> {
  if (backend === "node") yield* packages();
  try {
    await useBackend(backend);
  } catch (error) {
    yield startFailure(backend, reasonOf(error));
    return;
  }
  yield { state: "ok", text: `starts: ${describeBackend()}` };
  if (backend === "node") {
    yield* gpus();
    yield* kernels();
  }
  yield await checkLayers();
}

/** Why the CPU's kernels of this project are not there. */
function* kernels(): Generator<Finding, void, undefined> {
  if (nodeDevice().kind === "gpu") return;
  const found = nativeKernels();
  if ("missing" in found) {
    yield {
      state: "note",
      text: `TensorFlow's own ops are used instead of faster kernels: ${found.missing}`,
    };
  }
}

function* packages(): Generator<Finding, void, undefined> {
  for (const { name, binding } of installedPackages()) {
    yield binding === undefined
      ? { state: "note", text: `${name} is installed without its native binding` }
      : { state: "ok", text: `${name} is installed, with its native binding` };
  }
}

const INSTALL: Partial<Record<BackendName, string>> = {
  node: "npm install @tensorflow/tfjs-node-gpu (NVIDIA GPU, Linux) or @tensorflow/tfjs-node, where gmr is installed",
  webgpu: "npm install webgpu, where gmr is installed",
};

function startFailure(backend: BackendName, reason: string): Finding {
  const packages = backend === "node" ? installedPackages() : [];
  const absent =
    backend === "node"
      ? packages.every(({ binding }) => binding === undefined)
      : /needs the npm package|found no adapter/.test(reason);
  const installed = packages.length > 0 || /found no adapter/.test(reason);
  const install = absent && !installed ? INSTALL[backend] : undefined;
  const advice = explainLoadFailure(reason) ?? install;
  return { state: absent ? "note" : "problem", text: `does not start: ${reason}`, advice };
}

/** Whether TensorFlow uses a GPU that the driver shows, and if not, why. */
function* gpus(): Generator<Finding, void, undefined> {
  const found = driverGpus();
  if (!found) {
    yield { state: "note", text: "no NVIDIA driver (nvidia-smi): TensorFlow computes on the CPU" };
    return;
  }
  if (found.length === 0) {
    yield { state: "problem", text: "the NVIDIA driver shows no GPU", advice: "run nvidia-smi to see why" };
    return;
  }
  for (const { name, memory, driver } of found) {
    const gibibytes = (memory / 2 ** 30).toFixed(1);
    yield { state: "ok", text: `the driver (${driver}) shows ${name}, ${gibibytes} GiB` };
  }
  const { kind, tensorflow } = nodeDevice();
  if (kind === "gpu") yield { state: "ok", text: "TensorFlow computes on the GPU" };
  else yield whyNotGpu(tensorflow);
}

function whyNotGpu(tensorflow: string): Finding {
  const text = "TensorFlow computes on the CPU although there is a GPU";
  const gpuPackage = installedPackages().some(
    ({ name, binding }) => name.endsWith("-gpu") && binding !== undefined,
  );
  if (!gpuPackage) {
    const build = "node tooling/tfjs-node-from-source/build.mjs --cuda";
    const orBuild = process.platform === "linux" ? `, or build it: ${build}` : "";
    return { state: "problem", text, advice: `install @tensorflow/tfjs-node-gpu${orBuild}` };
  }
  const needs = cudaNeeds(tensorflow);
  if (!needs)
    return { state: "problem", text, advice: `look up which CUDA version TensorFlow ${tensorflow} needs` };
  const missing = process.platform === "linux" ? missingLibraries(needs.libraries) : [];
  const wanted = `TensorFlow ${tensorflow} needs CUDA ${needs.cuda} and cuDNN ${needs.cudnn}`;
  const lacking =
    missing.length > 0
      ? `not found: ${missing.join(", ")}; install them, or add their folder to LD_LIBRARY_PATH`
      : "are they installed, and is the driver new enough?";
  return { state: "problem", text, advice: `${wanted}; ${lacking}` };
}

/** 2-D layers of the conformance suite, forward and backward, against float64. */
async function checkLayers(): Promise<Finding> {
  const cases = conformanceCases({ randomCases: 0 }).filter(
    (testCase) => testCase.name.startsWith("2-D") && applies(testCase),
  );
  const start = performance.now();
  for (const { name, run } of cases) {
    try {
      await run();
    } catch (error) {
      const reason = reasonOf(error);
      return { state: "problem", text: `computes a layer incorrectly (${name}): ${reason}` };
    }
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  return {
    state: "ok",
    text: `computes ${cases.length} layers and their gradients correctly, checked against float64 in ${seconds} s`,
  };
}
