export { readSafetensors, type SafetensorsFile, writeSafetensors } from "./safetensors.ts";
export { type NumberData, type StoredTensor, type TensorData, toFloat32 } from "./storedTensor.ts";
export {
  readTorch,
  type TorchCheckpoint,
  type TorchReadOptions,
  type TorchValue,
  writeTorch,
} from "./torch/index.ts";
export { readWeights, type Weights, type WeightsFormat, weightsFormat, withoutPrefix } from "./weights.ts";
