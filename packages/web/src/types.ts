// What a page sees of a network.

import type { NetworkCard } from "./description.ts";

/** An image: a file or part of a form, pixels, an element of the page, or an address. */
export type ImageSource =
  | Blob
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | string
  | URL;

/** `webgpu`: a GPU; `wasm`: WebAssembly, with threads on cross-origin isolated pages; `cpu`: plain JavaScript, slow. */
export type WebBackend = "webgpu" | "wasm" | "cpu";

export interface LoadOptions {
  /** Tried in this order. Default `["webgpu", "wasm", "cpu"]`. */
  backends?: readonly WebBackend[] | undefined;
  /** Also accept a WebGPU adapter that computes on the CPU; `wasm` is faster. Default false. */
  softwareAdapter?: boolean | undefined;
  /** Threads of the wasm backend. Default: all processors on cross-origin isolated pages, else 1. */
  threads?: number | undefined;
  /**
   * Where the `.wasm` files of `@tensorflow/tfjs-backend-wasm` are: the folder's address ending in `/`, or one address per
   * file. Default: they come with the package.
   */
  wasmPaths?: string | Readonly<Record<string, string>> | undefined;
  /**
   * Where to compute: in a worker if one can be started (`true`, the default), in the page (`false`), or in a worker that
   * this function starts, whose script must be the package's `worker.js`.
   */
  worker?: boolean | (() => Worker) | undefined;
  /** Stops loading; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: LoadProgress) => void) | undefined;
}

export interface LoadProgress {
  /** Starting the worker and the backend, loading the weights, or the first pass, which compiles shaders. */
  stage: "start" | "weights" | "compile";
  /** Bytes of the weights; 0 or 1 in the other stages. */
  loaded: number;
  /** Undefined if the server does not say. */
  total: number | undefined;
}

/** What a network computes on. */
export interface BackendInfo {
  name: WebBackend;
  /** Including the calling one; 1 unless `wasm` has several. */
  threads: number;
  /** The backends tried before it, and why they were not taken. */
  skipped: { backend: WebBackend; reason: string }[];
}

/** Views to average over: the image alone, its mirror images, or all turns by 90° and mirror images. */
export type Views = "none" | "flips" | "all";

interface Network {
  /** Names of the classes, in the order of the network's outputs. */
  readonly classNames: readonly string[];
  /** [height, width, channels] of the training images. */
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly card: NetworkCard;
  /** What it computes on now. Changes with {@link useBackend}, and when a GPU is lost. */
  readonly backend: BackendInfo;
  readonly where: "worker" | "page";
  /** Why it is not in a worker; undefined if it is. */
  readonly whereReason: string | undefined;
  /**
   * Goes on with another backend; the network stays. If that cannot be started, the present one stays, too.
   * @throws GmrError `unsupported` with the reason; `invalid-argument` for an unknown name
   */
  useBackend(name: WebBackend): Promise<BackendInfo>;
  /** Ends the worker and frees all memory. Calls under way and later ones are refused. */
  dispose(): void;
}

export interface ClassifyOptions {
  /** Default `"none"`: a GMR network says nearly the same for all. */
  views?: Views | undefined;
  /** Number of classes to list. Default: all. */
  top?: number | undefined;
  /** Stops the call; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface Classification {
  /** The most probable first. */
  classes: { name: string; probability: number }[];
  /** From the image to the answer, without waiting for earlier calls. */
  milliseconds: number;
}

export interface Classifier extends Network {
  readonly task: "classification";
  /**
   * The classes of an image. Calls run one after the other, in order.
   * @throws GmrError `invalid-data` for something that is not an image, `io` for an address that gives none,
   *   `invalid-argument` for an option, `interrupted` after `dispose`
   *
   * @example
   * const { classes } = await classifier.classify(document.querySelector("img"));
   * console.log(`${classes[0].name}: ${Math.round(100 * classes[0].probability)} %`);
   */
  classify(image: ImageSource, options?: ClassifyOptions): Promise<Classification>;
}

export interface SegmentOptions {
  /** Default `"none"`. */
  views?: Views | undefined;
  /** Largest side of the tiles of a large image, pixels. Default: 256, or the training images' longer side. */
  tile?: number | undefined;
  /** Margin that neighbouring tiles share, pixels. Default: a quarter of the training images' shorter side. */
  overlap?: number | undefined;
  /** Stops the call between two tiles; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called after each tile. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
}

export interface Segmentation {
  /** The class of each pixel, as an index into `classNames`: [height, width] flat. */
  mask: Uint8Array<ArrayBuffer>;
  /** Of the mask and of the image. */
  width: number;
  height: number;
  /** Number of pixels of each class. */
  pixels: number[];
  /** From the image to the answer, without waiting for earlier calls. */
  milliseconds: number;
}

export interface Segmenter extends Network {
  readonly task: "segmentation";
  /**
   * The class of each pixel of an image, tile by tile if it is large. Calls run one after the other, in order.
   * @throws GmrError as `classify` of a {@link Classifier}
   *
   * @example
   * const { mask, width, height } = await segmenter.segment(file, { signal: controller.signal });
   */
  segment(image: ImageSource, options?: SegmentOptions): Promise<Segmentation>;
}
