export { batchNormForward, batchNormInputGradient, batchNormParamGradient } from "./batchnorm";
export { filterFinish, filterGradient } from "./filter";
export { convolve, packWeights } from "./forward";
export { avgPoolGradient, maxPool, maxPoolGradient } from "./pooling";
export { adamW, addRelu, dotRows, mixRows, reluGradient, scaleRows, sgd } from "./elementwise";
