export * from "./cost.ts";
export { DiscFieldOfView, discMask } from "./fieldOfView.ts";
export * from "./groupConv/index.ts";
export { HalvingsCheck } from "./halvings.ts";
export * from "./heads.ts";
export { MatchSize } from "./matchSize.ts";
export type {
  Block,
  ConvKind,
  Defaults,
  FieldOfView,
  GlobalPooling,
  OddSides,
  Pooling,
} from "./networkOptions.ts";
export {
  formatAssumed,
  type OfficialNetwork,
  type OfficialTensor,
  readOfficialNetwork,
} from "./official.ts";
export { checkResNetOptions } from "./planResNet.ts";
export * from "./pretrained.ts";
export * from "./r3d.ts";
export { registerModelLayers } from "./register.ts";
export * from "./registry.ts";
export type { ResNetOptions } from "./resNetOptions.ts";
export * from "./resnet.ts";
export * from "./training/index.ts";
export * from "./unet.ts";
export type { UNetOptions, Upsampling } from "./unetOptions.ts";
