// What the report says of a network: its size, how it trained, and how it fared.

import { modelCost } from "@gmr-conv/models";
import type * as tf from "@tensorflow/tfjs";
import type { EpochPoint, NetworkReport } from "../report/types.ts";
import type { Metric } from "../runs/runFolder.ts";
import type { NetworkConfig, TrainConfig } from "../training/config.ts";
import type { Evaluation } from "./evaluate.ts";
import { learnedKernels } from "./kernels.ts";

export async function describeNetwork(
  network: NetworkConfig,
  model: tf.LayersModel,
  config: TrainConfig,
  metrics: Metric[],
  evaluation: Omit<Evaluation, "uprightImages" | "turnedImages">,
): Promise<NetworkReport> {
  const cost = modelCost(model);
  const last = metrics.at(-1);
  const { seconds, ...accuracies } = evaluation;
  return {
    name: network.name,
    label: network.label,
    parameters: cost.parameters,
    multiplyAdds: cost.multiplyAdds,
    layers: cost.layers
      .filter((layer) => layer.parameters > 0)
      .map((l) => `${l.name} (${l.type}) → ${l.outputShape.slice(1).join("×")}: ${l.parameters} parameters`),
    history: metrics.map(({ step, epoch, loss, accuracy }) => ({ step, epoch, loss, accuracy })),
    epochs: epochsOf(metrics),
    ...(last
      ? { trainSeconds: last.seconds, imagesPerSecond: (last.step * config.batchSize) / last.seconds }
      : {}),
    evalSeconds: seconds,
    ...accuracies,
    kernels: await learnedKernels(model),
  };
}

function epochsOf(metrics: Metric[]): EpochPoint[] {
  const epochs: EpochPoint[] = [];
  let before = 0;
  for (let epoch = 0; ; epoch++) {
    const own = metrics.filter((metric) => metric.epoch === epoch);
    const last = own.at(-1);
    if (!last) return epochs;
    const mean = (pick: (m: Metric) => number): number =>
      own.reduce((sum, m) => sum + pick(m), 0) / own.length;
    epochs.push({
      epoch,
      loss: mean((m) => m.loss),
      accuracy: mean((m) => m.accuracy),
      seconds: last.seconds - before,
    });
    before = last.seconds;
  }
}
