// What a page's policies allow: WebAssembly at all, and the threads of the stock backend.
//
// Threads are workers started from blob: addresses, which import a second script from such an address. A content security
// policy may forbid either, and trusted types do; the stock backend then waits for ever. So it is tried once.

import { reasonOf } from "@gmr-conv/core";

/** The smallest module: a magic number and a version. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** What to do about a start that failed in a page: the stock backend's own words do not tell. */
export function remedy(): string {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch {
    return "this page's content security policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src";
  }
  return (
    "does useWasm({ wasmPaths }) name the address of a folder with the .wasm files of @tensorflow/tfjs-backend-wasm, " +
    "and do the page's policies let it be fetched?"
  );
}

/** Whether the page may share memory between threads. */
export function isIsolated(): boolean {
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
}

/** Why the stock backend's threads would not start here; undefined if they will. */
export async function whyNoThreads(): Promise<string | undefined> {
  if (!readsModuleName.toString().includes("moduleName")) {
    return (
      "this script is minified, which the threaded build of @tensorflow/tfjs-backend-wasm does not survive; " +
      "leave that package out of minification to use threads"
    );
  }
  const reason = await tryWorker();
  if (reason === undefined) return undefined;
  return (
    `this page does not let workers start from blob: addresses (${reason}); ` +
    "a content security policy with worker-src blob: and script-src blob: does, without trusted types for scripts"
  );
}

/**
 * The stock backend starts its threads from a function's source text that refers to a name of its module, and waits for ever
 * where a minifier has renamed that.
 */
function readsModuleName(): object {
  return moduleName;
}
const moduleName = {};

/** A worker that does not answer for so long is taken for one that never will. */
const PATIENCE_MS = 3000;

const PROBE = `onmessage = ({ data }) => {
  try { importScripts(data); postMessage(""); } catch (error) { postMessage(String(error)); }
};`;

/** What keeps a worker with an imported script from running; undefined if it runs. */
async function tryWorker(): Promise<string | undefined> {
  if (typeof Worker !== "function") return "there are no workers here";
  const addressOf = (text: string): string =>
    URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const [script, imported] = [addressOf(PROBE), addressOf("0")];
  let worker: Worker | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<string | undefined>((resolve) => {
      timer = setTimeout(() => resolve("it did not answer"), PATIENCE_MS);
      worker = new Worker(script);
      worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data || undefined);
      worker.onerror = ({ message }) => resolve(message || "it was refused");
      worker.postMessage(imported);
    });
  } catch (error) {
    return reasonOf(error);
  } finally {
    clearTimeout(timer);
    worker?.terminate();
    URL.revokeObjectURL(script);
    URL.revokeObjectURL(imported);
  }
}
