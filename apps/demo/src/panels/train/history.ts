// What the curves show, kept beside the checkpoints.

import type { PerNetwork } from "../../engine/types.ts";
import { DEFAULTS, EPOCHS, type RunSettings, SIZES } from "./settings.ts";

/** How a network read the held-out digits at some step. */
export interface Scores {
  step: number;
  /** Share of digits read correctly at each of {@link ANGLES}. */
  angles: number[];
}

/** The course of one training. */
export interface Course {
  /** Mean loss over the steps up to this one. */
  loss: { step: number; loss: number }[];
  scores: Scores[];
}

export interface Run {
  settings: RunSettings;
  courses: PerNetwork<Course>;
}

/** Degrees between the angles that held-out digits are turned by. */
export const ANGLE_STEP = 30;
export const ANGLES: readonly number[] = Array.from({ length: 360 / ANGLE_STEP }, (_, i) => i * ANGLE_STEP);

export const emptyCourse = (): Course => ({ loss: [], scores: [] });
export const newRun = (settings: RunSettings = DEFAULTS): Run => ({
  settings,
  courses: { gmr: emptyCourse(), dense: emptyCourse() },
});

/** The course up to a step: what came later was not in the checkpoint. */
export const upTo = ({ loss, scores }: Course, step: number): Course => ({
  loss: loss.filter((entry) => entry.step <= step),
  scores: scores.filter((entry) => entry.step <= step),
});

const VERSION = 1;

export const writeRun = (run: Run): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ version: VERSION, ...run }));

/** A run that {@link writeRun} wrote; undefined if it is of another version, or damaged. */
export function readRun(bytes: Uint8Array): Run | undefined {
  try {
    const { version, settings, courses } = JSON.parse(new TextDecoder().decode(bytes)) as Run & {
      version: number;
    };
    const known =
      version === VERSION &&
      SIZES.includes(settings.size) &&
      (EPOCHS as readonly number[]).includes(settings.epochs) &&
      [courses.gmr, courses.dense].every(({ loss, scores }) => Array.isArray(loss) && Array.isArray(scores));
    return known ? { settings, courses } : undefined;
  } catch {
    return undefined;
  }
}
