import { run } from "./wasm.js";

run().then(
  (result) => postMessage(result),
  (error) => postMessage({ error: String(error) }),
);
