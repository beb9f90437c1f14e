// The page's side of the masks: keeps asking for those of the image as it lies, and records how well they agree.

import { batch, computed, signal } from "@preact/signals";
import { proxy, type Remote, transfer } from "comlink";
import { panelWorker } from "../../engine/client.ts";
import type { BackendState, PerNetwork } from "../../engine/types.ts";
import { askLatest } from "../../latest.ts";
import { mirrorKey, poseSignals } from "../../pose.ts";
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

export const position = poseSignals();

/** Degrees between the angles at which the agreement is kept. */
export const BIN = 5;

/** Agreement by angle, multiples of {@link BIN}, of the image as it is mirrored now. */
export type Agreements = ReadonlyMap<number, PerNetwork<number>>;
const records = signal<ReadonlyMap<string, Agreements>>(new Map());
export const agreements = computed<Agreements>(
  () => records.value.get(mirrorKey(position.pose.value)) ?? new Map(),
);
/** Over all ways of mirroring. */
export const lowest = computed<PerNetwork<number> | undefined>(() => {
  const all = [...records.value.values()].flatMap((some) => [...some.values()]);
  if (all.length === 0) return undefined;
  return { gmr: Math.min(...all.map(({ gmr }) => gmr)), dense: Math.min(...all.map(({ dense }) => dense)) };
});

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const failed = (error: unknown): void => {
  problem.value = messageOf(error);
};

/** The segmenter, with an image. */
export const segmenter = panelWorker<Remote<Segmenter>>({
  name: "segmenter",
  connect: (services) => services.segmenter(),
  async start(remote, base, wanted) {
    const listener = proxy((state: BackendState) => {
      computes.value = state;
    });
    card.value = await remote.start(base, wanted, listener);
    if (!shown.peek()) await sample(remote, 0);
  },
  computes,
  useBackend(remote, name) {
    remote.useBackend(name).catch(failed);
  },
});

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
    failed(error);
  }
}

/** Shows a picture, which is closed. @throws Error if there is nothing in it */
export async function showPicture(picture: ImageBitmap, title: string): Promise<void> {
  const remote = await segmenter();
  present({ ...(await remote.showPicture(transfer(picture, [picture]))), title });
}

/** Asks for masks until the returned function is called. */
export function startLooking(): () => void {
  segmenter().catch(failed);
  return askLatest(
    () => shown.value && { image: shown.value, pose: position.pose.value },
    async ({ image, pose }) => ({ image, seen: await (await segmenter()).look(pose) }),
    ({ image, seen }) => {
      if (shown.peek() === image) keep(seen);
      problem.value = undefined;
    },
    failed,
  );
}

function keep(seen: Look): void {
  const { pose, masks } = seen;
  const bin = (Math.round(pose.degrees / BIN) * BIN) % 360;
  const all = new Map(records.peek());
  const own = new Map(all.get(mirrorKey(pose)));
  own.set(bin, { gmr: masks.gmr.agreement, dense: masks.dense.agreement });
  all.set(mirrorKey(pose), own);
  batch(() => {
    records.value = all;
    look.value = seen;
  });
}
