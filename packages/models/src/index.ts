export * from "./cost.ts";
export { DiscFieldOfView, discMask, registerFieldOfView } from "./fieldOfView.ts";
export * from "./groupConv/index.ts";
export { HalvingsCheck, registerHalvingsCheck } from "./halvings.ts";
export * from "./heads.ts";
export { MatchSize, registerMatchSize } from "./matchSize.ts";
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
export * from "./registry.ts";
export * from "./resnet.ts";
export * from "./training/index.ts";
export * from "./unet.ts";
export type { UNetOptions, Upsampling } from "./unetOptions.ts";
