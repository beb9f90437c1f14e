// What the page shows, and what changes it.

import { computed, signal } from "@preact/signals";
import type { Classifier, NetworkDescription, Segmenter, WebBackend } from "../../dist/index.js";
import { type Drawable, type Fit, frameOf, type Pose, type Size, UPRIGHT } from "./turn.ts";

export type Network = Classifier | Segmenter;

/** An image file, chosen, dropped or pasted. */
export interface Picture extends Drawable {
  kind: "picture";
  id: number;
  name: string;
  blob: Blob;
  /** Address of the file within the page. */
  address: string;
}

/** The live camera, or the drawing. */
export interface Live extends Drawable {
  kind: "camera" | "drawing";
}

export type Source = Picture | Live;

export interface Classes {
  kind: "classes";
  /** The most probable first. */
  classes: readonly { name: string; probability: number }[];
  milliseconds: number;
}

export interface Mask {
  kind: "mask";
  /** The class of each pixel of the frame. */
  mask: Uint8Array;
  frame: Size;
  pose: Pose;
  /** Share of each class among the pixels of the image. */
  shares: readonly number[];
  milliseconds: number;
}

export interface Notice {
  text: string;
  kind: "error" | "note";
}

export interface Loading {
  stage: "start" | "weights" | "compile";
  loaded: number;
  total: number | undefined;
}

export const description = signal<NetworkDescription | undefined>(undefined);
export const network = signal<Network | undefined>(undefined);
export const loading = signal<Loading | undefined>({ stage: "start", loaded: 0, total: undefined });
/** Why there is no network. */
export const failure = signal<string | undefined>(undefined);
export const notice = signal<Notice | undefined>(undefined);

export const pictures = signal<readonly Picture[]>([]);
export const source = signal<Source | undefined>(undefined);
/** Counts what changes within a source: frames, strokes. */
export const version = signal(0);
export const pose = signal<Pose>(UPRIGHT);
export const result = signal<Classes | Mask | undefined>(undefined);
/** The most probable class of the picture before it was turned. */
export const upright = signal<{ name: string; probability: number } | undefined>(undefined);
/** Whether the answer to a still image is not yet there. */
export const busy = signal(false);
/** How much of a long computation is done. */
export const working = signal<{ done: number; total: number } | undefined>(undefined);

/** The backend that computes now, with those that were tried before it. */
export const backend = signal<Network["backend"] | undefined>(undefined);
/** The backend that is being started. */
export const switching = signal<WebBackend | undefined>(undefined);

/** Segmentation: classes that are not painted. */
export const hiddenClasses = signal<ReadonlySet<number>>(new Set());
export const opacity = signal(0.55);

export const segments = computed(() => description.value?.task === "segmentation");

/** Text of an error for a person. */
export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function report(error: unknown): void {
  notice.value = { text: textOf(error), kind: "error" };
}

/** How images are fitted into what the network takes. */
export function fitOf({ reading }: NetworkDescription): Fit {
  const { resize } = reading;
  return resize === "stretch" || resize === "pad" ? resize : "crop";
}

/** The frame of a source for a network that classifies. */
export function classFrame(of: NetworkDescription, size: Size): Size {
  const [height, width] = of.shape;
  // Such a network takes no other size.
  return of.reading.resize === "none" ? { width, height } : frameOf(size, of.shape, fitOf(of));
}
