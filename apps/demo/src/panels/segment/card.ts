// What the networks of this panel are, and how well they do.

import type { NetworkName, PerNetwork, Pose } from "../../engine/types.ts";
import { type Look, UPRIGHT } from "./look.ts";
import type { Pair } from "./pair.ts";

export interface Scores {
  parameters: number;
  /** Dice with what people marked, on average over the images. */
  truth: { upright: number; mean: number; worst: number };
  /** Dice between the mask of a turned or mirrored image, and the upright mask turned or mirrored. */
  agreement: { mean: number; worst: number; mirrored: number };
}

/** public/nuclei/card.json */
export interface Card {
  /** Arguments of the registry of `@gmr-conv/models`, for any size of images. */
  networks: PerNetwork<{ name: string; options: Record<string, unknown> }>;
  command: string;
  data: { title: string; source: string; licence: string; train: string; test: string };
  /** Files of the test images, and of what people marked in them. */
  images: { image: string; mask: string }[];
  scores: PerNetwork<Scores>;
}

/** Degrees between the angles of {@link measure}. */
export const ANGLE_STEP = 20;

/** Scores over all angles and both mirror images. @param pairs one for each test image */
export async function measure(
  pairs: readonly Pair[],
  parameters: PerNetwork<number>,
): Promise<PerNetwork<Scores>> {
  const angles = Array.from({ length: 360 / ANGLE_STEP }, (_, i) => i * ANGLE_STEP);
  const poses: Pose[] = [
    ...angles.map((degrees) => ({ ...UPRIGHT, degrees })),
    { ...UPRIGHT, mirrorX: true },
    { ...UPRIGHT, mirrorY: true },
  ];
  const looks: Look[][] = [];
  for (const pose of poses) {
    const some: Look[] = [];
    for (const pair of pairs) some.push(await pair.look(pose));
    looks.push(some);
  }
  const of = (name: NetworkName): Scores => {
    const truth = looks.map((some) => mean(some.map(({ masks }) => masks[name].truth ?? 0)));
    const agreement = looks.map((some) => mean(some.map(({ masks }) => masks[name].agreement)));
    const [turned, mirrored] = [agreement.slice(1, angles.length), agreement.slice(angles.length)];
    return {
      parameters: parameters[name],
      truth: {
        upright: round(truth[0]),
        mean: round(mean(truth.slice(0, angles.length))),
        worst: round(Math.min(...truth.slice(0, angles.length))),
      },
      agreement: {
        mean: round(mean(turned)),
        worst: round(Math.min(...turned)),
        mirrored: round(mean(mirrored)),
      },
    };
  };
  return { gmr: of("gmr"), dense: of("dense") };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const round = (value: number): number => Math.round(1e4 * value) / 1e4;
