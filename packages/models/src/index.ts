export * from "./cost.ts";
export { DiscFieldOfView, discMask, registerFieldOfView } from "./fieldOfView.ts";
export type {
  Block,
  ConvKind,
  FieldOfView,
  GlobalPooling,
  OddSides,
  Pooling,
  ResNetOptions,
} from "./options.ts";
export * from "./r3d.ts";
export * from "./resnet.ts";
