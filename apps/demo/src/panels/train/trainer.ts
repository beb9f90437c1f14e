// The worker's side of the panel: a session on a backend that can be switched, and that may disappear.

import { codeOf, reasonOf } from "@gmr-conv/core";
import { readFloats } from "@gmr-conv/data";
import { MemoryStorage } from "@gmr-conv/training";
import * as tf from "@tensorflow/tfjs";
import { transfer } from "comlink";
import { startBackend } from "../../engine/backend.ts";
import { inTurn } from "../../engine/inTurn.ts";
import type { BackendName, BackendState, NetworkName, PerNetwork } from "../../engine/types.ts";
import { loadDigits } from "./digits.ts";
import { claimDatabase, KeptStorage } from "./keptStorage.ts";
import { type Answer, type RunState, Session } from "./session.ts";
import type { RunSettings } from "./settings.ts";

/** What the page is told while it waits for nothing in particular. */
export interface Listener {
  changed(state: RunState): void;
  computes(state: BackendState): void;
  /** What the visitor should know. */
  notice(text: string): void;
  /** Training ended with this error. */
  failed(text: string): void;
}

/** Digits to look at while the networks learn, one of each class. */
export interface Shown {
  /** [N · 28 · 28] from 0 to 1. */
  images: Float32Array;
  labels: number[];
}

const OTHER_TAB =
  "Another tab trains here: what this one learns is lost when it is closed or reloaded, since both would keep it in " +
  "the same place.";

export class Trainer {
  private session: Session | undefined;
  private listener: Listener | undefined;
  private images: Float32Array | undefined;
  private state: BackendState | undefined;
  private readonly inTurn = inTurn();

  /** @param base address of the page's folder */
  start(base: string, backend: BackendName, listener: Listener): Promise<{ run: RunState; shown: Shown }> {
    this.listener = listener;
    return this.inTurn(async () => {
      const [digits, alone] = await Promise.all([loadDigits(base), claimDatabase(), this.startOn(backend)]);
      const storage = alone ? new KeptStorage((text) => listener.notice(text)) : new MemoryStorage();
      if (!alone) listener.notice(OTHER_TAB);
      this.session = new Session(
        digits,
        storage,
        (state) => listener.changed(state),
        (text) => listener.notice(text),
      );
      const { heldOut } = digits;
      const labels = Array.from(heldOut.labels ?? []);
      const indices = heldOut.classNames.map((_, digit) => labels.indexOf(digit));
      const { images } = await readFloats(heldOut, indices);
      this.images = images;
      return {
        run: await this.session.open(),
        shown: { images, labels: indices.map((index) => labels[index]) },
      };
    });
  }

  /** Trains to the end or until paused; resolves at once. */
  go(): Promise<void> {
    return this.inTurn(async () => this.train());
  }

  pause(): Promise<RunState> {
    return this.inTurn(async () => {
      await this.ready().pause();
      return this.ready().state();
    });
  }

  reset(settings: RunSettings): Promise<RunState> {
    return this.inTurn(() => this.ready().reset(settings));
  }

  /** Goes on with another backend, from where training stands. */
  useBackend(backend: BackendName): Promise<BackendState> {
    return this.inTurn(async () => {
      const session = this.ready();
      const { running } = session.state();
      await session.pause();
      session.dispose();
      const state = await this.startOn(backend);
      const run = await session.open();
      if (running) this.train();
      else this.listener?.changed(run);
      return state;
    });
  }

  /** What both networks say about the {@link Shown} digits turned by an angle. */
  async read(degrees: number): Promise<PerNetwork<Answer[]>> {
    await this.inTurn(async () => undefined);
    return this.ready().read(this.images ?? new Float32Array(), degrees);
  }

  save(name: NetworkName): Promise<Uint8Array> {
    return this.inTurn(async () => {
      const bytes = await this.ready().save(name);
      return transfer(bytes, [bytes.buffer]);
    });
  }

  load(name: NetworkName, bytes: Uint8Array, file: string): Promise<RunState> {
    return this.inTurn(() => this.ready().load(name, bytes, file));
  }

  /** Number of tensors alive, for tests. */
  async tensors(): Promise<number> {
    return tf.memory().numTensors;
  }

  private ready(): Session {
    if (this.session) return this.session;
    throw new Error("nothing to train yet: start the trainer first");
  }

  private train(): void {
    const session = this.ready();
    session.go().then(
      () => this.listener?.changed(session.state()),
      (error: unknown) => {
        if (codeOf(error) === "device-lost") void this.inTurn(() => this.recover(reasonOf(error), true));
        else this.listener?.failed(reasonOf(error));
      },
    );
    this.listener?.changed(session.state());
  }

  private async startOn(backend: BackendName): Promise<BackendState> {
    this.state = await startBackend(backend, (reason) => {
      void this.inTurn(() => this.recover(reason, this.session?.state().running ?? false));
    });
    this.listener?.computes(this.state);
    return this.state;
  }

  /** After the loss of the GPU: on with WebAssembly, from the last checkpoints. */
  private async recover(reason: string, goOn: boolean): Promise<void> {
    const session = this.ready();
    if (this.state?.name === "webgpu") {
      await session.pause(); // ends with the same error
      session.dispose();
      await this.startOn("wasm");
      this.listener?.notice(
        `The GPU was lost (${reason}): training goes on with WebAssembly, from the last checkpoint.`,
      );
      await session.open();
    }
    if (goOn && !session.state().running) this.train();
    else this.listener?.changed(session.state());
  }
}
