// Reading a data set together: each rank its part, the results as if one had read all.

import { type Dataset, pick } from "@gmr-conv/data";
import { type Communicator, shareOf } from "@gmr-conv/distributed";
import type { Evaluator, Task } from "../tasks.ts";

/** This rank's images; undefined if there are fewer images than ranks and none is left for it. */
export function shardOf(dataset: Dataset, { rank, size }: Communicator): Dataset | undefined {
  if (size === 1) return dataset;
  const [first, end] = shareOf(dataset.count, rank, size);
  if (first === end) return undefined;
  return pick(
    dataset,
    Int32Array.from({ length: end - first }, (_, i) => first + i),
  );
}

/** What all ranks have collected, in the order of the images, on every rank. */
export async function merged(
  communicator: Communicator,
  task: Task,
  classes: number,
  own: Evaluator,
): Promise<Evaluator> {
  if (communicator.size === 1) return own;
  const parts = await communicator.gather(own.save(), true); // Some ranks are faster.
  const all = task.evaluator(classes);
  for (const part of parts ?? []) all.merge(part);
  const bytes = await communicator.broadcast(parts && all.save());
  if (parts) return all;
  const same = task.evaluator(classes);
  same.merge(bytes);
  return same;
}
