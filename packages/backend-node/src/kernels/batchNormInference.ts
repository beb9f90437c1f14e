// Batch normalisation with given statistics.

import { product } from "@gmr-conv/core";
import { BatchNormInference } from "@gmr-conv/tfjs";
import { Kind } from "../native/plan.ts";
import { nativeKernel } from "../state.ts";
import { byKernel, normalise, rectified } from "./batchNorm.ts";

export const batchNormInferenceKernels = [
  nativeKernel(BatchNormInference, (ops, { x, ...vectors }, { epsilon, slope }, { hasKernels }) => {
    if (product(x.shape) === 0) return ops.fill(x.shape, 0);
    if (hasKernels) {
      const { gamma, beta, mean, variance } = vectors;
      const attrs = { epsilon, slope, perImage: false };
      const given = [x, gamma, beta, mean, variance];
      return byKernel(ops, Kind.NormInference, given, x.shape, [x.shape], attrs);
    }
    const channels = x.shape[x.shape.length - 1];
    const rows = [1, product(x.shape) / channels, 1, channels];
    const image = x.shape.length === 4 ? ops.input(x) : ops.reshape(ops.input(x), rows);
    const [gamma, beta, mean, variance] = (["gamma", "beta", "mean", "variance"] as const).map((name) =>
      ops.input(vectors[name]),
    );
    const [y] = normalise(ops, image, gamma, beta, epsilon, { mean, variance });
    return rectified(ops, ops.reshape(y, x.shape), slope);
  }),
];
