// What the page and the engine say to each other, over a worker or a MessageChannel. Calls have numbers; the engine
// answers each with a result or an error, perhaps after news of its progress.

import type { GmrErrorCode } from "@gmr-conv/core";
import type { NetworkDescription } from "./description.ts";
import type { BackendInfo, Classification, LoadProgress, Segmentation, Views, WebBackend } from "./types.ts";

/** What can be sent as an image. */
export type SentImage = Blob | ImageData | ImageBitmap | string;

export interface LoadRequest {
  /** Of the description. */
  address: string;
  /** What the network must be for; undefined for either. */
  task: NetworkDescription["task"] | undefined;
  backends: readonly WebBackend[];
  softwareAdapter: boolean;
  threads: number | undefined;
  wasmPaths: string | Readonly<Record<string, string>> | undefined;
}

export interface Loaded {
  description: NetworkDescription;
  backend: BackendInfo;
}

export interface ClassifyRequest {
  image: SentImage;
  views: Views;
  top: number | undefined;
}

export interface SegmentRequest {
  image: SentImage;
  views: Views;
  tile: number | undefined;
  overlap: number | undefined;
}

export interface TileProgress {
  done: number;
  total: number;
}

/** Results of networks say on what they were computed, since that changes when a GPU is lost. */
export type Computed<T> = T & { backend: BackendInfo };

/** The engine's functions, with what they take, give and report. */
export interface Calls {
  load: { request: LoadRequest; result: Loaded; progress: LoadProgress };
  classify: { request: ClassifyRequest; result: Computed<Classification>; progress: never };
  segment: { request: SegmentRequest; result: Computed<Segmentation>; progress: TileProgress };
  useBackend: { request: WebBackend; result: BackendInfo; progress: never };
}

export type CallName = keyof Calls;

export type ToEngine =
  | { id: number; call: CallName; request: Calls[CallName]["request"] }
  | { id: number; stop: true }
  | { dispose: true };

export interface SentError {
  message: string;
  /** Undefined for errors that are not a GmrError. */
  code: GmrErrorCode | undefined;
}

export type FromEngine =
  /** The first message of a worker: it runs. */
  | { ready: true }
  | { id: number; progress: Calls[CallName]["progress"] }
  | { id: number; result: Calls[CallName]["result"] }
  | { id: number; error: SentError };

/** The part of `Worker`, `MessagePort` and a worker's global scope that both sides use. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}
