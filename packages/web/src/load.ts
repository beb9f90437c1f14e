// Loads networks, and wraps them in what the page sees.

import { checkKeys, checkPositiveInteger, describeValue, GmrError, type KeysOf, oneOf } from "@gmr-conv/core";
import { type Connection, connect } from "./connect.ts";
import { DESCRIPTION_FILE } from "./description.ts";
import type { Loaded } from "./protocol.ts";
import { Remote } from "./remote.ts";
import type { Resources } from "./resources.ts";
import { absolute, sendable } from "./sendable.ts";
import type {
  BackendInfo,
  Classifier,
  ClassifyOptions,
  LoadOptions,
  Segmenter,
  SegmentOptions,
  WebBackend,
} from "./types.ts";

const BACKENDS = ["webgpu", "wasm", "cpu"] as const satisfies readonly WebBackend[];
const VIEWS = ["none", "flips", "all"] as const;

const LOAD_KEYS: KeysOf<LoadOptions> = {
  backends: true,
  softwareAdapter: true,
  threads: true,
  wasmPaths: true,
  worker: true,
  signal: true,
  onProgress: true,
};
const CLASSIFY_KEYS: KeysOf<ClassifyOptions> = { views: true, top: true, signal: true };
const SEGMENT_KEYS: KeysOf<SegmentOptions> = {
  views: true,
  tile: true,
  overlap: true,
  signal: true,
  onProgress: true,
};

/** Loads a network. @param task what it must be for; undefined for either */
export async function load(
  resources: Resources,
  url: string | URL,
  task: "classification" | "segmentation" | undefined,
  options: LoadOptions = {},
): Promise<Classifier | Segmenter> {
  checkKeys("the options for loading a network", options, LOAD_KEYS);
  const { signal, onProgress, threads, wasmPaths, softwareAdapter = false, worker = true } = options;
  if (threads !== undefined) checkPositiveInteger("threads", threads);
  const request = {
    address: descriptionAddress(url),
    task,
    backends: checkBackends(options.backends ?? BACKENDS),
    softwareAdapter,
    threads,
    wasmPaths: typeof wasmPaths === "string" ? absolute(wasmPaths) : wasmPaths && allAbsolute(wasmPaths),
  };
  signal?.throwIfAborted();
  onProgress?.({ stage: "start", loaded: 0, total: 1 });
  const connection = await connect(resources, worker);
  const remote = new Remote(connection);
  try {
    const loaded = await remote.call("load", request, { signal, onProgress });
    return networkOf(remote, connection, loaded);
  } catch (error) {
    remote.dispose();
    throw error;
  }
}

/** A network's folder stands for the description in it. */
function descriptionAddress(url: string | URL): string {
  const address = new URL(absolute(url));
  if (!address.pathname.endsWith(".json")) {
    address.pathname = `${address.pathname.replace(/\/$/, "")}/${DESCRIPTION_FILE}`;
  }
  return address.href;
}

function allAbsolute(paths: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, absolute(path)]));
}

function checkBackends(names: readonly WebBackend[]): readonly WebBackend[] {
  if (!Array.isArray(names) || names.length === 0) {
    throw new GmrError(
      "invalid-argument",
      `backends must be a list of names (${BACKENDS.join(", ")}), got ${describeValue(names)}`,
    );
  }
  return names.map((name) => oneOf("backends", name, BACKENDS));
}

function networkOf(
  remote: Remote,
  { where, reason }: Connection,
  { description, backend: first }: Loaded,
): Classifier | Segmenter {
  const { task, classNames, shape, card } = description;
  let backend = first;
  const common = {
    classNames,
    shape,
    card,
    where,
    whereReason: reason,
    get backend(): BackendInfo {
      return backend;
    },
    async useBackend(name: WebBackend): Promise<BackendInfo> {
      backend = await remote.call("useBackend", oneOf("backend", name, BACKENDS));
      return backend;
    },
    dispose: () => remote.dispose(),
  };
  if (task === "classification") {
    return extended(common, {
      task,
      async classify(source, options = {}) {
        const { views, top, signal } = checkKeys("the options of classify", options, CLASSIFY_KEYS);
        const request = { views: oneOf("views", views ?? "none", VIEWS), top };
        signal?.throwIfAborted();
        const { image, transfer } = await sendable(source);
        const result = await remote.call("classify", { image, ...request }, { signal, transfer });
        ({ backend } = result);
        return { classes: result.classes, milliseconds: result.milliseconds };
      },
    } satisfies Pick<Classifier, "task" | "classify">);
  }
  return extended(common, {
    task,
    async segment(source, options = {}) {
      checkKeys("the options of segment", options, SEGMENT_KEYS);
      const { views, tile, overlap, signal, onProgress } = options;
      const request = { views: oneOf("views", views ?? "none", VIEWS), tile, overlap };
      signal?.throwIfAborted();
      const { image, transfer } = await sendable(source);
      const result = await remote.call("segment", { image, ...request }, { signal, transfer, onProgress });
      const { backend: now, ...segmentation } = result;
      backend = now;
      return segmentation;
    },
  } satisfies Pick<Segmenter, "task" | "segment">);
}

/** An object with the properties of both; getters stay getters. */
function extended<A extends object, B extends object>(first: A, second: B): A & B {
  return Object.defineProperties(first, Object.getOwnPropertyDescriptors(second)) as A & B;
}
