// Whether a page's policies allow the threads of the stock backend.
//
// Threads are workers started from blob: addresses, which import a second script from such an address. A content
// security policy may forbid either, and trusted types do; the stock backend then hangs. So we try it once.

import { reasonOf } from "@gmr-conv/core";

/** Why the stock backend's threads would not start here; undefined if they will. */
export async function whyNoThreads(): Promise<string | undefined> {
  const reason = await tryWorker();
  if (reason === undefined) return undefined;
  return (
    `this page does not let workers start from blob: addresses (${reason}); ` +
    "its content security policy needs worker-src blob: and script-src blob:, without trusted types for scripts"
  );
}

/** A worker that takes longer to answer is considered dead. */
const PATIENCE_MS = 3000;

const PROBE = `onmessage = ({ data }) => {
  try { importScripts(data); postMessage(""); } catch (error) { postMessage(String(error)); }
};`;

/** What keeps a worker with an imported script from running; undefined if it runs. */
async function tryWorker(): Promise<string | undefined> {
  if (typeof Worker !== "function") return "workers are unavailable";
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
