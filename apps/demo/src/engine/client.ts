// The page's side of the worker.

import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { proxy, type Remote, wrap } from "comlink";
import type { Engine } from "./engine.ts";
import { BACKENDS, type BackendName, type BackendState } from "./types.ts";
import type { Services } from "./worker.ts";

/** What computes at the moment; undefined while it starts. */
export const backend = signal<BackendState | undefined>(undefined);

/** Why nothing can be computed; undefined if all is well. */
export const engineProblem = signal<string | undefined>(undefined);

const KEY = "backend";

/** The backend that the visitor chose last. */
export function preferredBackend(): BackendName {
  const kept = read(KEY);
  return BACKENDS.find((name) => name === kept) ?? "wasm";
}

let started: Promise<Remote<Engine>> | undefined;

/** The engine, ready to compute. Starts it on the first call. */
export function engine(): Promise<Remote<Engine>> {
  started ??= start();
  return started;
}

/** Starts a worker. @param name for the browser's tools */
function startWorker(name: string): {
  worker: Worker;
  services: Remote<Services>;
  /** Rejects if the worker does not start, or fails. */
  failed: Promise<never>;
} {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name });
  const failed = new Promise<never>((_, reject) => {
    worker.addEventListener("error", (event) =>
      reject(new Error(event.message || "the worker did not start")),
    );
  });
  failed.catch(() => undefined);
  return { worker, services: wrap<Services>(worker), failed };
}

async function start(): Promise<Remote<Engine>> {
  const { services, failed } = startWorker("engine");
  const listener = proxy((state: BackendState) => {
    backend.value = state;
  });
  try {
    const remote = await Promise.race([services.engine(), failed]);
    backend.value = await Promise.race([
      remote.start(document.baseURI, preferredBackend(), listener),
      failed,
    ]);
    return remote;
  } catch (error) {
    engineProblem.value = `Nothing can be computed here: ${error instanceof Error ? error.message : String(error)}`;
    throw error;
  }
}

/** A worker of a panel's own. */
interface PanelWorker<T> {
  /** For the browser's tools. */
  name: string;
  connect(services: Remote<Services>): Promise<T>;
  /** Makes it ready, on a backend. @param base address of the page's folder */
  start(remote: T, base: string, backend: BackendName): Promise<void>;
  /** What computes there. */
  computes: ReadonlySignal<BackendState | undefined>;
  /** The page uses another backend now. */
  useBackend(remote: T, name: BackendName): void;
}

/**
 * The worker of a panel, which follows the backend that the page uses. It is started on the first call, and again by
 * the next one if that fails.
 */
export function panelWorker<T>(panel: PanelWorker<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  const begin = async (): Promise<T> => {
    engine().catch(() => undefined); // the page says why; the choice of a backend needs it
    const { worker, services, failed } = startWorker(panel.name);
    try {
      const remote = await Promise.race([panel.connect(services), failed]);
      const wanted = backend.peek()?.name ?? preferredBackend();
      await Promise.race([panel.start(remote, document.baseURI, wanted), failed]);
      let last: BackendName | undefined;
      effect(() => {
        const name = backend.value?.name;
        if (name === undefined || name === last) return;
        last = name;
        if (name !== panel.computes.peek()?.name) panel.useBackend(remote, name);
      });
      return remote;
    } catch (error) {
      worker.terminate();
      throw error;
    }
  };
  return () => {
    running ??= begin().catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    return running;
  };
}

/** Switches the backend; the networks stay. */
export async function chooseBackend(name: BackendName): Promise<void> {
  const remote = await engine();
  backend.value = undefined;
  backend.value = await remote.useBackend(name);
  write(KEY, name);
}

/** Storage may be forbidden. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {}
}
