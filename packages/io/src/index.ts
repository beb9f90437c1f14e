export * from "./safetensors.ts";
export { type NumberData, type StoredTensor, type TensorData, toFloat32 } from "./storedTensor.ts";
export * from "./torch/index.ts";
export { readWeights, type Weights, type WeightsFormat, weightsFormat, withoutPrefix } from "./weights.ts";
