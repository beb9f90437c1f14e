// Starts backends in the page, or in a worker (#worker), and writes the results into the page.

import { startAll } from "./starts.js";

const result = document.querySelector("pre");
try {
  const inWorker = location.hash === "#worker";
  result.textContent = JSON.stringify(inWorker ? await startInWorker() : await startAll());
} catch (error) {
  result.textContent = String(error?.stack ?? error);
}
result.id = "done";

function startInWorker() {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
  });
}
