// The image that is turned, shared by the panels, and how it lies.

import { computed, signal } from "@preact/signals";
import type { Pose } from "./engine/types.ts";

/** An image as the networks take it. */
export interface Subject {
  /** [28 · 28], from 0 for the background to 1 for ink. */
  pixels: Float32Array;
  /** The digit it shows, if that is known. */
  label?: number;
  /** For people: "test digit 7", "your drawing". */
  title: string;
}

export const SIDE = 28;

export const subject = signal<Subject | undefined>(undefined);

/** Counter-clockwise, 0 ≤ degrees < 360. */
export const degrees = signal(0);
export const mirrorX = signal(false);
export const mirrorY = signal(false);

export const pose = computed<Pose>(() => ({
  degrees: degrees.value,
  mirrorX: mirrorX.value,
  mirrorY: mirrorY.value,
}));

export function turnTo(angle: number): void {
  degrees.value = ((angle % 360) + 360) % 360;
}

export const reducedMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
