// Metrics of segmentation.

import { meanInterval } from "./intervals.ts";

/** Shares are from 0 to 1. */
export interface SegmentationMetrics {
  /** Images. */
  count: number;
  /** Share of correct positions. */
  accuracy: number;
  /** Mean Dice score of the classes except the background, each over all positions of all images. */
  dice: number;
  /** 95 % confidence interval of the mean Dice score per image. */
  interval: [low: number, high: number];
  /** Mean intersection over union of the classes except the background. */
  iou: number;
  /** Dice of each class, the background first; NaN for a class that never occurs. */
  perClass: number[];
}

/** The label of positions that do not count. */
export const IGNORED = -1;

interface Counts {
  both: number;
  predicted: number;
  labelled: number;
}

/** Collects the classes of positions. */
export class Segmentation {
  private readonly totals: Counts[];
  private readonly scores: number[] = [];
  private images = 0;
  private right = 0;
  private positions = 0;

  constructor(classes: number) {
    this.totals = Array.from({ length: classes }, () => ({ both: 0, predicted: 0, labelled: 0 }));
  }

  /** The masks of one image; labels of {@link IGNORED} do not count. */
  add(labels: ArrayLike<number>, predicted: ArrayLike<number>): void {
    const own = this.totals.map((): Counts => ({ both: 0, predicted: 0, labelled: 0 }));
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i];
      if (label === IGNORED) continue;
      this.positions++;
      own[label].labelled++;
      own[predicted[i]].predicted++;
      if (predicted[i] !== label) continue;
      own[label].both++;
      this.right++;
    }
    this.images++;
    own.forEach((counts, k) => {
      for (const key of ["both", "predicted", "labelled"] as const) this.totals[k][key] += counts[key];
    });
    const score = meanOf(own.slice(1).map(dice));
    if (!Number.isNaN(score)) this.scores.push(score);
  }

  /** All counts, for {@link merge}. */
  save(): Uint8Array {
    const counts = this.totals.flatMap(({ both, predicted, labelled }) => [both, predicted, labelled]);
    const all = [this.images, this.right, this.positions, ...counts, ...this.scores];
    return new Uint8Array(Float64Array.from(all).buffer);
  }

  /** Adds the images that another has collected. @param saved by {@link save}, for as many classes */
  merge(saved: Uint8Array): void {
    const [images, right, positions, ...rest] = new Float64Array(saved.slice().buffer);
    this.images += images;
    this.right += right;
    this.positions += positions;
    this.totals.forEach((counts, k) => {
      counts.both += rest[3 * k];
      counts.predicted += rest[3 * k + 1];
      counts.labelled += rest[3 * k + 2];
    });
    this.scores.push(...rest.slice(3 * this.totals.length));
  }

  /** Mean Dice of the classes except the background, so far. */
  get score(): number {
    const score = meanOf(this.totals.slice(1).map(dice));
    return Number.isNaN(score) ? 0 : score;
  }

  metrics(): SegmentationMetrics {
    const perClass = this.totals.map(dice);
    const unions = this.totals.map(({ both, predicted, labelled }) => both / (predicted + labelled - both));
    return {
      count: this.images,
      accuracy: this.right / Math.max(1, this.positions),
      dice: meanOf(perClass.slice(1)),
      interval: meanInterval(this.scores),
      iou: meanOf(unions.slice(1)),
      perClass,
    };
  }
}

const dice = ({ both, predicted, labelled }: Counts): number => (2 * both) / (predicted + labelled);

/** The mean of the values that are numbers. */
function meanOf(values: number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((a, b) => a + b, 0) / known.length;
}
