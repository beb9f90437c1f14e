// The page's side of the worker.

import { signal } from "@preact/signals";
import { proxy, type Remote, wrap } from "comlink";
import type { Engine } from "./engine.ts";
import { BACKENDS, type BackendName, type BackendState } from "./types.ts";

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

async function start(): Promise<Remote<Engine>> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "engine" });
  const failed = new Promise<never>((_, reject) => {
    worker.addEventListener("error", (event) =>
      reject(new Error(event.message || "the worker did not start")),
    );
  });
  const remote = wrap<Engine>(worker);
  const listener = proxy((state: BackendState) => {
    backend.value = state;
  });
  try {
    backend.value = await Promise.race([
      remote.start(document.baseURI, preferredBackend(), listener),
      failed,
    ]);
  } catch (error) {
    engineProblem.value = `Nothing can be computed here: ${error instanceof Error ? error.message : String(error)}`;
    throw error;
  }
  return remote;
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
