export * from "./cost.ts";
export { DiscFieldOfView, discMask, registerFieldOfView } from "./fieldOfView.ts";
export type { ConvKind, FieldOfView, GlobalPooling, Pooling, ResNetOptions } from "./options.ts";
export * from "./resnet.ts";
