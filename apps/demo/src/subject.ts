// The image that is turned, shared by the panels, and how it lies.

import { signal } from "@preact/signals";
import { poseSignals } from "./pose.ts";

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

export const position = poseSignals();
export const { degrees, mirrorX, mirrorY, pose, turnTo } = position;
