// How an image under a dial lies.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Pose } from "./engine/types.ts";

export interface PoseSignals {
  /** Counter-clockwise, 0 ≤ degrees < 360. */
  degrees: Signal<number>;
  mirrorX: Signal<boolean>;
  mirrorY: Signal<boolean>;
  pose: ReadonlySignal<Pose>;
  turnTo(angle: number): void;
}

export function poseSignals(): PoseSignals {
  const degrees = signal(0);
  const mirrorX = signal(false);
  const mirrorY = signal(false);
  return {
    degrees,
    mirrorX,
    mirrorY,
    pose: computed(() => ({ degrees: degrees.value, mirrorX: mirrorX.value, mirrorY: mirrorY.value })),
    turnTo(angle) {
      degrees.value = ((angle % 360) + 360) % 360;
    },
  };
}

/** By which way of mirroring records are kept. */
export const mirrorKey = ({ mirrorX, mirrorY }: Omit<Pose, "degrees">): string => `${mirrorX} ${mirrorY}`;

export const reducedMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
