export { GroupBatchNormalization, type GroupBatchNormalizationArgs } from "./groupBatchNormalization.ts";
export { GroupConv2D, type GroupConv2DArgs } from "./groupConv2D.ts";
export { GroupPooling, type GroupPoolingArgs } from "./groupPooling.ts";
export { checkGroupResNetOptions, type GroupResNetOptions, groupResNet } from "./groupResNet.ts";
export { groupElements, type PlaneGroup } from "./groups.ts";
export { registerGroupLayers } from "./register.ts";
