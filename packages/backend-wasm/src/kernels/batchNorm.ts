import {
  BatchNormTraining,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
  kernelConfig,
} from "@gmr-conv/tfjs";
import { elements, kernelsOf } from "../module.ts";

/** What the gradients need for the constants and sums of eight channels. */
const SCRATCH_BYTES = 160;

export const batchNormTrainingConfig = kernelConfig(
  BatchNormTraining,
  "wasm",
  ({ x, gamma, beta }, { epsilon, relu }, backend) => {
    const kernels = kernelsOf(backend);
    const [channels] = gamma.shape as [number];
    const y = kernels.output(x.shape);
    const mean = kernels.output([channels]);
    const variance = kernels.output([channels]);
    kernels.run.batchNormForward(
      kernels.address(x),
      kernels.address(gamma),
      kernels.address(beta),
      kernels.address(y),
      kernels.address(mean),
      kernels.address(variance),
      elements(x.shape) / channels,
      channels,
      epsilon,
      Number(relu),
      0,
      channels,
    );
    return [y, mean, variance];
  },
);

export const batchNormTrainingGradConfig = kernelConfig(
  BatchNormTrainingGrad,
  "wasm",
  ({ dy, x, gamma, beta, mean, variance }, { epsilon, relu }, backend) => {
    const kernels = kernelsOf(backend);
    const [channels] = gamma.shape as [number];
    const dx = kernels.output(x.shape);
    kernels.run.batchNormInputGradient(
      kernels.address(dy),
      kernels.address(x),
      kernels.address(gamma),
      kernels.address(beta),
      kernels.address(mean),
      kernels.address(variance),
      kernels.address(dx),
      kernels.reserve(SCRATCH_BYTES),
      elements(x.shape) / channels,
      channels,
      epsilon,
      Number(relu),
      0,
      channels,
    );
    return dx;
  },
);

export const batchNormTrainingParamGradConfig = kernelConfig(
  BatchNormTrainingParamGrad,
  "wasm",
  ({ dy, x, gamma, beta, mean, variance }, { epsilon, relu }, backend) => {
    const kernels = kernelsOf(backend);
    const [channels] = mean.shape as [number];
    const dGamma = kernels.output([channels]);
    const dBeta = kernels.output([channels]);
    kernels.run.batchNormParamGradient(
      kernels.address(dy),
      kernels.address(x),
      kernels.address(gamma),
      kernels.address(beta),
      kernels.address(mean),
      kernels.address(variance),
      kernels.address(dGamma),
      kernels.address(dBeta),
      kernels.reserve(SCRATCH_BYTES),
      elements(x.shape) / channels,
      channels,
      epsilon,
      Number(relu),
      0,
      channels,
    );
    return [dGamma, dBeta];
  },
);
