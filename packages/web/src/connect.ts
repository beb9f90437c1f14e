// Starts the engine: in a worker from its file, else in one from its text, else in the page.

import { GmrError, reasonOf } from "@gmr-conv/core";
import type { Port } from "./protocol.ts";
import type { Resources } from "./resources.ts";

/** A running engine. */
export interface Connection {
  port: Port;
  where: "worker" | "page";
  /** Why it is not in a worker. */
  reason: string | undefined;
  /** Calls back when the worker fails as a whole. */
  onFailure(listener: (reason: string) => void): void;
  end(): void;
}

/**
 * @throws GmrError `unsupported` if the worker of a given function does not start; `io` if nothing starts, with the
 *   reasons
 */
export async function connect(resources: Resources, worker: boolean | (() => Worker)): Promise<Connection> {
  if (typeof worker === "function") {
    try {
      return inWorker(await started(worker));
    } catch (error) {
      throw new GmrError("unsupported", `the worker of the option worker did not start: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
  const reasons: string[] = worker ? [] : ["the option worker is false"];
  if (worker) {
    const lacking = ["Worker", "OffscreenCanvas"].find((name) => !(name in globalThis));
    const ways: [string, () => Promise<Worker>][] = [
      ["its file", () => started(resources.startWorker)],
      ["its text", () => startFromText(resources)],
    ];
    if (lacking !== undefined) reasons.push(`this browser has no ${lacking}`);
    for (const [name, start] of lacking === undefined ? ways : []) {
      try {
        return inWorker(await start());
      } catch (error) {
        reasons.push(`a worker did not start from ${name} (${reasonOf(error)})`);
      }
    }
  }
  return inPage(resources, reasons.join("; "));
}

function inWorker(worker: Worker): Connection {
  return {
    port: worker,
    where: "worker",
    reason: undefined,
    onFailure: (listener) =>
      worker.addEventListener("error", ({ message }) => listener(message || "it ended without a reason")),
    end: () => worker.terminate(),
  };
}

async function inPage(resources: Resources, reason: string): Promise<Connection> {
  let engine: Awaited<ReturnType<Resources["engine"]>>;
  try {
    engine = await resources.engine();
  } catch (error) {
    throw new GmrError("io", `the engine could not be loaded: ${reason}; in the page: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const { port1, port2 } = new MessageChannel();
  engine.startEngine(port2);
  port1.start();
  const port: Port = port1;
  return {
    port,
    where: "page",
    reason,
    onFailure: () => undefined,
    end: () => port.postMessage({ dispose: true }, []),
  };
}

/** A worker that has not started by then never will: bundlers can break it in ways that raise no event. */
const PATIENCE_MS = 20_000;

/** A worker that says it runs. Whatever is served instead of its script does not. */
function started(start: () => Worker): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = start();
    const settle = (then: () => void): void => {
      clearTimeout(timer);
      worker.removeEventListener("message", ready);
      worker.removeEventListener("error", failed);
      then();
    };
    const ready = (): void => settle(() => resolve(worker));
    const fail = (reason: string): void =>
      settle(() => {
        worker.terminate();
        reject(new Error(reason));
      });
    const failed = (event: ErrorEvent): void => {
      event.preventDefault();
      fail(event.message || "its script could not be loaded");
    };
    const timer = setTimeout(() => fail(`it did not answer for ${PATIENCE_MS / 1000} s`), PATIENCE_MS);
    worker.addEventListener("message", ready);
    worker.addEventListener("error", failed);
  });
}

async function startFromText(resources: Resources): Promise<Worker> {
  const { WORKER_GZIP_BASE64 } = await resources.workerText();
  const bytes = Uint8Array.from(atob(WORKER_GZIP_BASE64), (character) => character.charCodeAt(0));
  const text = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = await new Response(text, { headers: { "content-type": "text/javascript" } }).blob();
  const address = URL.createObjectURL(script);
  try {
    return await started(() => new Worker(address));
  } finally {
    URL.revokeObjectURL(address);
  }
}
