// A fresh process that starts as a program does: imports, backend, network, predictions, training steps. It answers its
// one request with the milliseconds of each phase.

import { serve } from "./serve.ts";
import type { StartInput } from "./start.ts";

await serve(async () => {
  const { backend, threads }: StartInput = JSON.parse(process.argv[2]); // the only argument
  const times: Record<string, number> = {};
  const time = async <T>(phase: string, work: () => T | Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    times[phase] = performance.now() - start;
    return result;
  };
  const modules = await time("import", async () => ({
    backends: await import("../backend.ts"),
    models: await import("@gmr-conv/models"),
    // As a program that names its backend imports it.
    kernels: isPackage(backend) ? await import(`@gmr-conv/backend-${backend}`) : undefined,
  }));
  await time("backend", () => modules.backends.useBackend(backend, { threads }));
  const model = await time("load", () => modules.models.loadPretrained("gmr-mnist"));
  const { modelRun } = await import("./networkRun.ts");
  const predict = modelRun(model, 1, "inference");
  await time("first prediction", predict);
  await time("second prediction", predict);
  const step = modelRun(model, 8, "train-step");
  await time("first step", step);
  await time("second step", step);
  return { threads: modules.backends.activeThreads(), answer: async () => times };
});

/** Whether a backend is a package of ours. */
function isPackage(backend: string): boolean {
  return ["node", "webgpu", "wasm"].includes(backend);
}
