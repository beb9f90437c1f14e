// Batch normalisation with given statistics.

import { product } from "@gmr-conv/core";
import { BatchNormInference } from "@gmr-conv/tfjs";
import { nativeKernel } from "../state.ts";

export const batchNormInferenceKernels = [
  nativeKernel(BatchNormInference, (ops, { x, ...vectors }, { epsilon, slope }) => {
    if (product(x.shape) === 0) return ops.fill(x.shape, 0);
    const channels = x.shape[x.shape.length - 1];
    const rows = [1, product(x.shape) / channels, 1, channels];
    const image = x.shape.length === 4 ? ops.input(x) : ops.reshape(ops.input(x), rows);
    const { gamma, beta, mean, variance } = vectors;
    const inputs = [image, ...[gamma, beta, mean, variance].map((vector) => ops.input(vector))];
    const attrs = [
      ops.type("U"),
      ops.float("epsilon", epsilon),
      ops.string("data_format", "NHWC"),
      ops.bool("is_training", false),
    ];
    const ids = inputs.map(({ id }) => id);
    const [y] = ops.run("FusedBatchNormV3", [...attrs, ops.float("exponential_avg_factor", 1)], ids, 6);
    const shaped = ops.reshape(y, x.shape);
    if (slope === 1) return shaped;
    if (slope === 0) return ops.unary("Relu", shaped);
    return ops.run("LeakyRelu", [ops.float("alpha", slope)], [shaped.id])[0];
  }),
];
