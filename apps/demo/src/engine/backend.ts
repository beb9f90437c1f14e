// Starting backends in a worker. Also for workers of panels of their own.

import { wasmThreads } from "@gmr-conv/backend-wasm";
import { selectBackend } from "@gmr-conv/backends";
import type { BackendName, BackendState } from "./types.ts";

const FASTEST_FIRST: readonly BackendName[] = ["webgpu", "wasm", "cpu"];

const LABELS: Readonly<Record<BackendName, string>> = {
  wasm: "WebAssembly",
  webgpu: "WebGPU",
  cpu: "Plain JavaScript",
};

/**
 * Makes a backend the active one; if it does not start here, the next slower one, and says why.
 * @param onLost called with the reason when a GPU disappears
 */
export async function startBackend(
  wanted: BackendName,
  onLost: (reason: string) => void,
): Promise<BackendState> {
  const { backend, skipped } = await selectBackend(FASTEST_FIRST.slice(FASTEST_FIRST.indexOf(wanted)), {
    softwareAdapter: true, // whoever chooses WebGPU gets it
    webgpu: { onDeviceLost: onLost },
  });
  const problems = skipped.map(
    ({ backend: name, reason }) => `${LABELS[name as BackendName]} does not work here: ${reason}.`,
  );
  const state = await stateOf(backend as BackendName);
  return { ...state, ...(problems.length > 0 && { notice: problems.join(" ") }) };
}

async function stateOf(name: BackendName): Promise<BackendState> {
  if (name === "cpu") {
    return { name, threads: 1, remark: "works everywhere, many times slower than WebAssembly" };
  }
  if (name === "webgpu") {
    const { webGpuAdapter } = await import("@gmr-conv/backend-webgpu");
    return { name, threads: 1, adapter: webGpuAdapter().name };
  }
  const threads = wasmThreads();
  const alone = threads === 1 && (navigator.hardwareConcurrency ?? 1) > 1;
  if (!alone) return { name, threads };
  const remark = crossOriginIsolated
    ? "one thread, since threads did not start here"
    : "one thread, since the page is not cross-origin isolated (a reload may change that)";
  return { name, threads, remark };
}
