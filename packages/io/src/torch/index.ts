export {
  READ_KEYS,
  readTorch,
  type TorchCheckpoint,
  type TorchReadOptions,
  type TorchValue,
} from "./readTorch.ts";
export { writeTorch } from "./writeTorch.ts";
