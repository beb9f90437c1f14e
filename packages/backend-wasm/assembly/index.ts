export { batchNormForward, batchNormInputGradient, batchNormParamGradient } from "./batchnorm";
export { depthwiseFilterGradient, depthwiseInputGradient } from "./depthwise";
export { filterFinish, filterGradient } from "./filter";
export { convolve, packWeights } from "./forward";
export { avgPool, avgPoolGradient, maxPool, maxPoolGradient } from "./pooling";
export { sumAxis } from "./reduce";
export { adamW, addRelu, copyRows, dotRows, mixRows, reluGradient, scaleRows, sgd } from "./elementwise";
