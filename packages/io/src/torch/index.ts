export { readTorch, type TorchCheckpoint, type TorchReadOptions, type TorchValue } from "./readTorch.ts";
export { writeTorch } from "./writeTorch.ts";
