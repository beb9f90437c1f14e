// A network at work: loads it, computes with it, and goes on with another backend if its GPU is lost.

import { wasmThreads } from "@gmr-conv/backend-wasm";
import { selectBackend } from "@gmr-conv/backends";
import { checkPositiveInteger, GmrError, reasonOf } from "@gmr-conv/core";
import { planTiles, predict, segmentTiles } from "@gmr-conv/training";
import * as tf from "@tensorflow/tfjs";
import { type NetworkDescription, parseNetworkDescription } from "../description.ts";
import type {
  ClassifyRequest,
  Computed,
  Loaded,
  LoadRequest,
  SegmentRequest,
  TileProgress,
} from "../protocol.ts";
import type { BackendInfo, Classification, LoadProgress, Segmentation, WebBackend } from "../types.ts";
import type { CallContext } from "./context.ts";
import { fetchText } from "./fetchFile.ts";
import { openImage } from "./image.ts";
import { fetchWeights, makeModel, type WeightFiles } from "./model.ts";

interface Network {
  description: NetworkDescription;
  /** Kept, so that the network can be made again on another backend. */
  files: WeightFiles;
  model: tf.LayersModel;
}

export class Engine {
  private request: LoadRequest | undefined;
  private network: Network | undefined;
  private backend: BackendInfo | undefined;

  async load(request: LoadRequest, { signal, report }: CallContext<LoadProgress>): Promise<Loaded> {
    this.request = request;
    const text = await fetchText(request.address, "the description of a network", signal);
    const description = parseNetworkDescription(text, request.address);
    if (request.task && request.task !== description.task) {
      const other = description.task === "segmentation" ? "loadSegmenter" : "loadClassifier";
      throw new GmrError(
        "invalid-argument",
        `${request.address}: this network is for ${description.task}, not ${request.task}: use ${other}`,
      );
    }
    this.backend = await this.start(request.backends, []);
    report({ stage: "start", loaded: 1, total: 1 });
    const files = await fetchWeights(request.address, description, signal, (loaded, total) =>
      report({ stage: "weights", loaded, total }),
    );
    report({ stage: "compile", loaded: 0, total: 1 });
    signal.throwIfAborted();
    this.network = { description, files, model: await makeModel(description, files, request.address) };
    await this.onBackendThatLasts(() => this.warmUp());
    report({ stage: "compile", loaded: 1, total: 1 });
    return { description, backend: this.backend };
  }

  async classify(
    { image, views, top }: ClassifyRequest,
    { signal }: CallContext<never>,
  ): Promise<Computed<Classification>> {
    const begun = performance.now();
    const { description } = this.loaded;
    const { shape, classNames, normalization, reading } = description;
    if (top !== undefined) checkPositiveInteger("top", top);
    const opened = await openImage(image, signal);
    let pixels: Float32Array;
    try {
      pixels = opened.fitted(shape, reading);
    } finally {
      opened.close();
    }
    const p = await this.onBackendThatLasts(() =>
      predict(this.loaded.model, pixels, shape, { normalization: normalization ?? undefined, views, signal }),
    );
    const classes = classNames
      .map((name, k) => ({ name, probability: p[k] }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, top);
    return { classes, milliseconds: performance.now() - begun, backend: this.running };
  }

  async segment(
    { image, views, ...tiles }: SegmentRequest,
    { signal, report }: CallContext<TileProgress>,
  ): Promise<Computed<Segmentation>> {
    const begun = performance.now();
    const { shape, normalization, reading } = this.loaded.description;
    const opened = await openImage(image, signal);
    const { width, height } = opened;
    try {
      const read = opened.reader(shape[2], reading);
      const plan = planTiles([height, width], shape, tiles);
      const mask = new Uint8Array(width * height);
      const pixels = await this.onBackendThatLasts(() => {
        let at = 0;
        return segmentTiles(
          this.loaded.model,
          plan,
          {
            channels: shape[2],
            read,
            write(rows) {
              mask.set(rows, at);
              at += rows.length;
            },
            onTile: (done, total) => report({ done, total }),
          },
          { normalization: normalization ?? undefined, views, signal },
        );
      });
      const milliseconds = performance.now() - begun;
      return { mask, width, height, pixels, milliseconds, backend: this.running };
    } finally {
      opened.close();
    }
  }

  /** Goes on with a backend; with the present one if that fails. */
  async useBackend(name: WebBackend): Promise<BackendInfo> {
    const before = this.running;
    try {
      await this.moveTo([name], []);
      return this.running;
    } catch (error) {
      await this.start([before.name], before.skipped).catch(() => undefined);
      throw error;
    }
  }

  private get loaded(): Network {
    if (!this.network) throw new GmrError("internal", "no network is loaded");
    return this.network;
  }

  private get running(): BackendInfo {
    if (!this.backend) throw new GmrError("internal", "no backend is started");
    return this.backend;
  }

  /** Starts the first backend that works. @param skipped those that have been tried before */
  private async start(names: readonly WebBackend[], skipped: BackendInfo["skipped"]): Promise<BackendInfo> {
    const { threads, wasmPaths, softwareAdapter = false } = this.request ?? {};
    const selection = await selectBackend(names, {
      // WebGPU that is named alone is wanted on any adapter.
      softwareAdapter: softwareAdapter || names.length === 1,
      webgpu: { onDeviceLost: () => undefined }, // the next call finds out
      wasm: { threads, wasmPaths },
    });
    const name = selection.backend as WebBackend;
    return {
      name,
      threads: name === "wasm" ? wasmThreads() : 1,
      skipped: [...skipped, ...(selection.skipped as BackendInfo["skipped"])],
    };
  }

  /** Makes the network again on the first of some backends that works. */
  private async moveTo(names: readonly WebBackend[], skipped: BackendInfo["skipped"]): Promise<void> {
    const { description, files, model: old } = this.loaded;
    const { address } = this.request as LoadRequest;
    const backend = await this.start(names, skipped);
    this.network = { description, files, model: await makeModel(description, files, address) };
    this.backend = backend;
    old.dispose();
    await this.warmUp();
  }

  /** Computes on the present backend; if that loses its device, once more on the next one. */
  private async onBackendThatLasts<T>(compute: () => Promise<T>): Promise<T> {
    try {
      // Another network of the page may have left another one active.
      if (tf.getBackend() !== this.running.name) await tf.setBackend(this.running.name);
      return await compute();
    } catch (error) {
      if (!(error instanceof GmrError) || error.code !== "device-lost") throw error;
      const { name, skipped } = this.running;
      const { backends } = this.request as LoadRequest;
      const others = backends.slice(backends.indexOf(name) + 1);
      if (others.length === 0) throw error;
      await this.moveTo(others, [...skipped, { backend: name, reason: reasonOf(error) }]);
      return await compute();
    }
  }

  /** A first pass, which compiles shaders and packs weights. */
  private async warmUp(): Promise<void> {
    const { description, model } = this.loaded;
    const { shape } = description;
    const pixels = new Float32Array(shape[0] * shape[1] * shape[2]);
    await predict(model, pixels, shape);
  }

  dispose(): void {
    this.network?.model.dispose();
    this.network = undefined;
  }
}
