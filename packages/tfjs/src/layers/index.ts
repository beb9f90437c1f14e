export { AddThenRelu } from "./addThenRelu.ts";
export * from "./factories.ts";
export { type FoldableLayer, writesItself } from "./foldable.ts";
export { type FoldableConv, type FoldedConv, type FoldedRings, isFoldableConv } from "./foldedConv.ts";
export { FusedBatchNormalization, type FusedBatchNormalizationArgs } from "./fusedBatchNormalization.ts";
export { GmrConv } from "./gmrConv.ts";
export type { GmrConvArgs, GmrConvTransposeArgs } from "./gmrConvArgs.ts";
export { InstanceNormalization, type InstanceNormalizationArgs } from "./instanceNormalization.ts";
export { LAYER_KEYS, type LayerArgs } from "./layerKeys.ts";
export { registerLayers } from "./register.ts";
export { isRingWeights, type RingInitializer } from "./ringWeights.ts";
export {
  SymmetricPooling,
  type SymmetricPoolingArgs,
  symmetricPool,
  symmetricWindow,
} from "./symmetricPooling.ts";
export { clipRingMasks, decaysWeight } from "./weightDecay.ts";
