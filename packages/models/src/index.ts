export { DiscFieldOfView } from "./fieldOfView.ts";
export { HalvingsCheck } from "./halvings.ts";
export { embedding, featureExtractor } from "./heads.ts";
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
export { checkResNetOptions } from "./planResNet.ts";
export { loadPretrained, type ModelCard, type PretrainedName, pretrainedCards } from "./pretrained.ts";
export { r3d } from "./r3d.ts";
export { registerModelLayers } from "./register.ts";
export type { ResNetOptions } from "./resNetOptions.ts";
export { resNet } from "./resnet.ts";
export { unet } from "./unet.ts";
export type { UNetOptions, Upsampling } from "./unetOptions.ts";
