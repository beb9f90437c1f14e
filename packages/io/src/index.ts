export * from "./safetensors.ts";
export { type NumberData, type StoredTensor, type TensorData, toFloat32 } from "./storedTensor.ts";
export * from "./torch/index.ts";
