// How often the classes of a data set occur, and what follows from it.

import { GmrError } from "@gmr-conv/core";
import type { Dataset } from "@gmr-conv/data";
import type { LossSettings } from "./settings.ts";

/** The accuracy of always answering the most frequent class; 0 for masks. */
export function chanceOf(dataset: Dataset): number {
  const counts = countsOf(dataset);
  return counts ? Math.max(...counts) / dataset.count : 0;
}

/**
 * The weights of the classes in the loss.
 * @throws GmrError `invalid-argument` for a number of weights other than that of the classes, `unsupported` for
 *   `"balanced"` with masks
 */
export function classWeights(
  train: Dataset,
  { classWeights: wanted }: LossSettings,
): readonly number[] | undefined {
  if (wanted === undefined) return undefined;
  const { classNames, count } = train;
  if (wanted !== "balanced") {
    if (wanted.length === classNames.length) return wanted;
    throw new GmrError(
      "invalid-argument",
      `loss.classWeights: ${wanted.length} weights, ${train.name} has ${classNames.length} classes`,
    );
  }
  const counts = countsOf(train);
  if (!counts)
    throw new GmrError("unsupported", 'loss.classWeights "balanced" needs one class per image: give numbers');
  return counts.map((own) => (own === 0 ? 0 : count / (classNames.length * own)));
}

function countsOf({ labels, count, classNames }: Dataset): number[] | undefined {
  if (!labels) return undefined;
  const counts = classNames.map(() => 0);
  for (let i = 0; i < count; i++) counts[labels[i]]++;
  return counts;
}
