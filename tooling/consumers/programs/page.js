// In the page, then in a worker of its own.

import { run } from "./wasm.js";

function runInWorker() {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
  });
}

globalThis.result = run().then(async (page) => ({ page, worker: await runInWorker() }));
