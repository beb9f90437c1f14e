// The page's side of the masks: keeps asking for those of the image as it lies, and records how well they agree.

import { batch, computed, effect, signal, untracked } from "@preact/signals";
import { proxy, type Remote, transfer } from "comlink";
import { backend, engine, preferredBackend, startWorker } from "../../engine/client.ts";
import type { BackendState, PerNetwork, Pose } from "../../engine/types.ts";
import type { Card } from "./card.ts";
import type { Look } from "./look.ts";
import type { Segmenter } from "./segmenter.ts";

/** The image under the dial. */
export interface Shown {
  pixels: Float32Array;
  title: string;
  /** Of the sample, if it is one. */
  sample?: number;
  /** Whether dark and bright were exchanged. */
  inverted?: boolean;
}

export const card = signal<Card | undefined>(undefined);
export const shown = signal<Shown | undefined>(undefined);
/** What computes the masks. */
export const computes = signal<BackendState | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);
export const look = signal<Look | undefined>(undefined);

/** Counter-clockwise, 0 ≤ degrees < 360. */
export const degrees = signal(0);
export const mirrorX = signal(false);
export const mirrorY = signal(false);

/** Degrees between the angles at which the agreement is kept. */
export const BIN = 5;

/** Agreement by angle, multiples of {@link BIN}, of the image as it is mirrored now. */
export type Agreements = ReadonlyMap<number, PerNetwork<number>>;
const records = signal<ReadonlyMap<string, Agreements>>(new Map());
const keyOf = ({ mirrorX: x, mirrorY: y }: Pick<Pose, "mirrorX" | "mirrorY">): string => `${x} ${y}`;
export const agreements = computed<Agreements>(
  () => records.value.get(keyOf({ mirrorX: mirrorX.value, mirrorY: mirrorY.value })) ?? new Map(),
);
/** Over all ways of mirroring. */
export const lowest = computed<PerNetwork<number> | undefined>(() => {
  const all = [...records.value.values()].flatMap((some) => [...some.values()]);
  if (all.length === 0) return undefined;
  return { gmr: Math.min(...all.map(({ gmr }) => gmr)), dense: Math.min(...all.map(({ dense }) => dense)) };
});

export function turnTo(angle: number): void {
  degrees.value = ((angle % 360) + 360) % 360;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

let started: Promise<Remote<Segmenter>> | undefined;

/** The segmenter, with an image. Starts its worker on the first call. */
export function segmenter(): Promise<Remote<Segmenter>> {
  started ??= start().catch((error: unknown) => {
    started = undefined; // the next call tries again
    throw error;
  });
  return started;
}

async function start(): Promise<Remote<Segmenter>> {
  engine().catch(() => undefined); // the page says why; the choice of a backend needs it
  const { worker, services, failed } = startWorker("segmenter");
  try {
    const remote = await Promise.race([services.segmenter(), failed]);
    const listener = proxy((state: BackendState) => {
      computes.value = state;
    });
    const wanted = backend.peek()?.name ?? preferredBackend();
    card.value = await Promise.race([remote.start(document.baseURI, wanted, listener), failed]);
    if (!shown.peek()) await sample(remote, 0);
    follow(remote);
    return remote;
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/** Uses the backend that the page uses. */
function follow(remote: Remote<Segmenter>): void {
  let wanted: string | undefined;
  effect(() => {
    const name = backend.value?.name;
    if (name === undefined || name === wanted) return;
    wanted = name;
    if (name === computes.peek()?.name) return;
    remote.useBackend(name).catch((error: unknown) => {
      problem.value = messageOf(error);
    });
  });
}

async function sample(remote: Remote<Segmenter>, index: number): Promise<void> {
  const pixels = await remote.showSample(index);
  present({ pixels, title: `test image ${index + 1}`, sample: index });
}

function present(image: Shown): void {
  batch(() => {
    records.value = new Map();
    look.value = undefined;
    shown.value = image;
  });
}

/** Shows a test image of the card. */
export async function showSample(index: number): Promise<void> {
  try {
    await sample(await segmenter(), index);
    problem.value = undefined;
  } catch (error) {
    problem.value = messageOf(error);
  }
}

/** Shows a picture, which is closed. @throws Error if there is nothing in it */
export async function showPicture(picture: ImageBitmap, title: string): Promise<void> {
  const remote = await segmenter();
  present({ ...(await remote.showPicture(transfer(picture, [picture]))), title });
}

/** Asks for masks until the returned function is called. */
export function startLooking(): () => void {
  let busy = false;
  let stopped = false;
  let last: { image: Shown; key: string } | undefined;

  const next = async (): Promise<void> => {
    const image = shown.peek();
    if (busy || stopped || !image) return;
    const pose: Pose = { degrees: degrees.peek(), mirrorX: mirrorX.peek(), mirrorY: mirrorY.peek() };
    const key = `${pose.degrees} ${keyOf(pose)}`;
    if (last?.image === image && last.key === key) return;
    last = { image, key };
    busy = true;
    try {
      const remote = await segmenter();
      const seen = await remote.look(pose);
      if (shown.peek() === image) keep(seen);
      problem.value = undefined;
    } catch (error) {
      problem.value = messageOf(error);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    } finally {
      busy = false;
      void next();
    }
  };

  segmenter().catch((error: unknown) => {
    problem.value = messageOf(error);
  });
  const stop = effect(() => {
    void [shown.value, degrees.value, mirrorX.value, mirrorY.value];
    untracked(() => void next());
  });
  return () => {
    stopped = true;
    stop();
  };
}

function keep(seen: Look): void {
  const { pose, masks } = seen;
  const bin = (Math.round(pose.degrees / BIN) * BIN) % 360;
  const all = new Map(records.peek());
  const own = new Map(all.get(keyOf(pose)));
  own.set(bin, { gmr: masks.gmr.agreement, dense: masks.dense.agreement });
  all.set(keyOf(pose), own);
  batch(() => {
    records.value = all;
    look.value = seen;
  });
}
