export * from "./cost.ts";
export { DiscFieldOfView, discMask } from "./fieldOfView.ts";
export * from "./groupConv/index.ts";
export { HalvingsCheck } from "./halvings.ts";
export * from "./heads.ts";
export { MatchSize } from "./matchSize.ts";
export {
  formatAssumed,
  type OfficialNetwork,
  type OfficialTensor,
  readOfficialNetwork,
} from "./official.ts";
export {
  type Block,
  type ConvKind,
  checkResNetOptions,
  type Defaults,
  type FieldOfView,
  type GlobalPooling,
  type OddSides,
  type Pooling,
  type ResNetOptions,
} from "./options.ts";
export * from "./pretrained.ts";
export * from "./r3d.ts";
export { registerModelLayers } from "./register.ts";
export * from "./registry.ts";
export * from "./resnet.ts";
export * from "./training/index.ts";
export * from "./unet.ts";
export type { UNetOptions, Upsampling } from "./unetOptions.ts";
