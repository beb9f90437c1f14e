// The worker's side of the panel: one image, one backend, both networks. Calls are answered one after the other.

import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { transfer } from "comlink";
import { startBackend } from "../../engine/backend.ts";
import { inTurn } from "../../engine/inTurn.ts";
import {
  type BackendName,
  type BackendState,
  NETWORKS,
  type PerNetwork,
  type Pose,
} from "../../engine/types.ts";
import type { Card } from "./card.ts";
import type { Look, Source } from "./look.ts";
import { disposeNetworks, makeNetworks, readTensors, type Tensors } from "./networks.ts";
import { Pair } from "./pair.ts";
import { greyOf, stretched } from "./picture.ts";

export class Segmenter {
  private base = "";
  private card: Card | undefined;
  private tensors: Tensors | undefined;
  private networks: PerNetwork<tf.LayersModel> | undefined;
  private pair: Pair | undefined;
  private state: BackendState | undefined;
  private listener: ((state: BackendState) => void) | undefined;
  private readonly inTurn = inTurn();

  /**
   * Loads the networks and starts a backend.
   * @param base address of the page's folder
   * @param listener called with what computes, whenever that changes
   */
  start(base: string, backend: BackendName, listener: (state: BackendState) => void): Promise<Card> {
    this.base = base;
    this.listener = listener;
    return this.inTurn(async () => {
      const weights = NETWORKS.map(async (name) => {
        const response = await this.fetched(`${name}.safetensors`);
        return [name, new Uint8Array(await response.arrayBuffer())] as const;
      });
      const card = (await (await this.fetched("card.json")).json()) as Card;
      this.tensors = readTensors(Object.fromEntries(await Promise.all(weights)) as PerNetwork<Uint8Array>);
      this.card = card;
      await this.switchTo(backend);
      return card;
    });
  }

  /** Switches the backend; the networks and the image stay. */
  useBackend(backend: BackendName): Promise<void> {
    return this.inTurn(() => this.switchTo(backend));
  }

  /** Shows one of the test images of the card. @returns its pixels, [256 · 256] from 0 to 1 */
  showSample(index: number): Promise<Float32Array> {
    return this.inTurn(async () => {
      const { image, mask } = this.card!.images[index];
      const [pixels, truth] = await Promise.all([this.greyOfFile(image), this.greyOfFile(mask)]);
      return this.show({ pixels, truth: truth.map((value) => Number(value > 0.5)) });
    });
  }

  /**
   * Shows any picture.
   * @param picture transferred, and closed here
   * @throws GmrError `invalid-data` for one colour
   */
  showPicture(picture: ImageBitmap): Promise<{ pixels: Float32Array; inverted: boolean }> {
    return this.inTurn(async () => {
      const { pixels, inverted } = stretched(greyOf(picture));
      return { pixels: this.show({ pixels }), inverted };
    });
  }

  /** The masks of the image in a pose. */
  look(pose: Pose): Promise<Look> {
    return this.inTurn(async () => {
      try {
        return give(await this.ready().look(pose));
      } catch (error) {
        if (codeOf(error) !== "device-lost") throw error;
        await this.recover(reasonOf(error));
        return give(await this.ready().look(pose));
      }
    });
  }

  /** Number of tensors alive, for tests. */
  countTensors(): Promise<number> {
    return this.inTurn(async () => tf.memory().numTensors);
  }

  private show(source: Source): Float32Array {
    if (!this.networks) throw new GmrError("internal", "no backend has started");
    this.pair = new Pair(this.networks, source);
    return source.pixels.slice();
  }

  private ready(): Pair {
    if (this.pair) return this.pair;
    throw new GmrError("internal", "there is no image yet: show one first");
  }

  private async switchTo(backend: BackendName): Promise<void> {
    if (this.networks) disposeNetworks(this.networks);
    this.networks = undefined;
    this.state = await startBackend(backend, (reason) => {
      void this.inTurn(() => this.recover(reason));
    });
    this.networks = makeNetworks(this.card!, this.tensors!);
    this.pair?.use(this.networks);
    this.listener?.(this.state);
  }

  /** After the loss of the GPU. */
  private async recover(reason: string): Promise<void> {
    if (this.state?.name !== "webgpu") return; // already done
    await this.switchTo("wasm");
    const notice = `The GPU was lost (${reason}), so the masks go on with WebAssembly.`;
    this.state = { ...this.state, notice };
    this.listener?.(this.state);
  }

  private async greyOfFile(name: string): Promise<Float32Array> {
    const blob = await (await this.fetched(name)).blob();
    return greyOf(await createImageBitmap(blob, { colorSpaceConversion: "none" }));
  }

  private async fetched(name: string): Promise<Response> {
    const url = new URL(`nuclei/${name}`, this.base);
    const response = await fetch(url).catch((cause: unknown) => {
      throw new GmrError("io", `${name} could not be loaded: is there a connection?`, { cause });
    });
    if (response.ok) return response;
    throw new GmrError("io", `${url.pathname} could not be loaded: the server answered ${response.status}`);
  }
}

const give = (look: Look): Look =>
  transfer(look, [
    look.seen.buffer as ArrayBuffer,
    ...NETWORKS.map((name) => look.masks[name].bits.buffer as ArrayBuffer),
  ]);
