export * from "./cost.ts";
export type { ConvKind, GlobalPooling, Pooling, ResNetOptions } from "./options.ts";
export * from "./resnet.ts";
