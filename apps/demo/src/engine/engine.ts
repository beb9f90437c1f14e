// The worker's side: one engine, one backend, both networks. Calls are answered one after the other.

import { codeOf, reasonOf } from "@gmr-conv/core";
import type { ModelCard } from "@gmr-conv/models";
import { type LearnedKernels, learnedKernels } from "@gmr-conv/models/inspect";
import { predict } from "@gmr-conv/training";
import { transfer } from "comlink";
import { startBackend } from "./backend.ts";
import { toDigit } from "./digit.ts";
import { equivarianceOf, kernelsOf, mapsOf, setSigmas } from "./inside.ts";
import { inTurn } from "./inTurn.ts";
import { measure } from "./measure.ts";
import { loadCards, loadNetworks, type Networks } from "./networks.ts";
import { posed, SHAPE } from "./posed.ts";
import {
  type BackendName,
  type BackendState,
  type Equivariance,
  type LayerMaps,
  type Measured,
  type MeasureOptions,
  NETWORKS,
  type PerNetwork,
  type Pose,
  type Reading,
} from "./types.ts";

export class Engine {
  private base = "";
  private networks: Networks | undefined;
  private state: BackendState | undefined;
  private listener: ((state: BackendState) => void) | undefined;
  /** Widths of Gaussians that the visitor has changed, by layer, and what they were. */
  private readonly changed = new Map<string, readonly number[]>();
  private readonly trained = new Map<string, readonly number[]>();
  /** Measurements begun with another number are cancelled. */
  private measurement = 0;
  private readonly inTurn = inTurn();

  /**
   * Starts a backend, or a slower one if it does not work here, and makes the networks.
   * @param base address of the page's folder
   * @param listener called whenever the backend changes by itself
   */
  start(base: string, backend: BackendName, listener: (state: BackendState) => void): Promise<BackendState> {
    this.base = base;
    this.listener = listener;
    return this.useBackend(backend);
  }

  /** Switches the backend; the networks stay. */
  useBackend(backend: BackendName): Promise<BackendState> {
    return this.inTurn(() => this.switchTo(backend));
  }

  /**
   * What both networks say about an image in some poses.
   * @param image [28 · 28], from 0 for the background to 1 for ink
   */
  read(image: Float32Array, poses: readonly Pose[]): Promise<Reading[]> {
    return this.compute(async (networks) => {
      const seen = poses.map((pose) => posed(image, pose));
      const batch = new Float32Array(poses.length * image.length);
      for (const [i, pixels] of seen.entries()) batch.set(pixels, i * image.length);
      const answers = {} as PerNetwork<Float32Array>;
      for (const name of NETWORKS) answers[name] = await predict(networks[name], batch, SHAPE);
      const readings = poses.map(({ degrees }, i): Reading => {
        const part = (all: Float32Array): Float32Array => {
          const classes = all.length / poses.length;
          return all.slice(i * classes, (i + 1) * classes);
        };
        return {
          degrees,
          seen: seen[i],
          probabilities: { gmr: part(answers.gmr), dense: part(answers.dense) },
        };
      });
      return transfer(
        readings,
        readings.map(({ seen }) => seen.buffer as ArrayBuffer),
      );
    });
  }

  /**
   * A picture in the form of the images that the networks were trained on, [28 · 28].
   * @param picture transferred, and closed here
   * @throws GmrError `invalid-data` if there is nothing in it
   */
  async digitOf(picture: ImageBitmap): Promise<Float32Array> {
    const digit = toDigit(picture);
    return transfer(digit, [digit.buffer as ArrayBuffer]);
  }

  /** Kernels of all convolutions of both networks. */
  kernels(): Promise<PerNetwork<LearnedKernels[]>> {
    return this.compute(kernelsOf);
  }

  /**
   * Reshapes the kernels of a layer of the GMR network by other widths of its Gaussians.
   * @returns the layer's kernels
   */
  setSigmas(layer: string, sigmas: readonly number[]): Promise<LearnedKernels> {
    return this.compute(async (networks) => {
      const before = await setSigmas(networks, layer, sigmas);
      if (!this.trained.has(layer)) this.trained.set(layer, before);
      this.changed.set(layer, sigmas);
      const [kernels] = await learnedKernels(networks.gmr, [layer]);
      return kernels;
    });
  }

  /** Restores the trained widths of all layers. */
  resetSigmas(): Promise<void> {
    return this.compute(async (networks) => {
      for (const [layer, sigmas] of this.trained) await setSigmas(networks, layer, sigmas);
      this.changed.clear();
    });
  }

  /** Feature maps of an image as it is and as it lies. */
  maps(image: Float32Array, pose: Pose, layer: string): Promise<PerNetwork<LayerMaps>> {
    return this.compute(async ({ gmr, dense }) => ({
      gmr: await mapsOf(gmr, image, pose, layer),
      dense: await mapsOf(dense, image, pose, layer),
    }));
  }

  /** How far a layer's output is from turning with the image. */
  equivariance(image: Float32Array, degrees: number, layer: string): Promise<PerNetwork<Equivariance>> {
    return this.compute(async ({ gmr, dense }) => ({
      gmr: await equivarianceOf(gmr, image, degrees, layer),
      dense: await equivarianceOf(dense, image, degrees, layer),
    }));
  }

  /**
   * Times convolutions of both kinds, until done or cancelled. Not repeated if the GPU disappears: the times would be
   * those of another backend.
   * @param report called after every kernel size
   */
  measure(options: MeasureOptions, report: (measured: Measured) => void): Promise<void> {
    const run = this.measurement;
    return this.inTurn(() => measure(options, () => run !== this.measurement, report));
  }

  /** Ends all measurements. */
  async cancelMeasure(): Promise<void> {
    this.measurement++;
  }

  /** What the networks are and how accurate. */
  cards(): Promise<PerNetwork<ModelCard>> {
    return loadCards(this.base);
  }

  /** Runs one call after the other. */

  /** Computes with the networks; if the GPU disappears meanwhile, once more on WebAssembly. */
  private compute<T>(work: (networks: Networks) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      try {
        return await work(this.ready());
      } catch (error) {
        if (codeOf(error) !== "device-lost") throw error;
        await this.recover(reasonOf(error));
        return work(this.ready());
      }
    });
  }

  private ready(): Networks {
    if (!this.networks) throw new Error("the networks are not loaded: start the engine first");
    return this.networks;
  }

  private async switchTo(backend: BackendName): Promise<BackendState> {
    if (this.networks) for (const name of NETWORKS) this.networks[name].dispose();
    this.networks = undefined;
    this.state = await startBackend(backend, (reason) => {
      void this.inTurn(() => this.recover(reason));
    });
    this.networks = await loadNetworks(this.base);
    for (const [layer, sigmas] of this.changed) await setSigmas(this.networks, layer, sigmas);
    return this.state;
  }

  /** After the loss of the GPU. */
  private async recover(reason: string): Promise<void> {
    if (this.state?.name !== "webgpu") return; // already done
    const state = await this.switchTo("wasm");
    const notice = `The GPU was lost (${reason}), so the page went on with WebAssembly.`;
    this.state = { ...state, notice };
    this.listener?.(this.state);
  }
}
