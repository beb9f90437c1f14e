export { batchNormForward, batchNormInputGradient, batchNormParamGradient } from "./batchnorm";
export { filterFinish, filterGradient } from "./filter";
export { convolve, packWeights } from "./forward";
export { avgPoolGradient, maxPool, maxPoolGradient } from "./pooling";
export { adamW, addRelu, copyRows, dotRows, mixRows, reluGradient, scaleRows, sgd, sumRows } from "./elementwise";
