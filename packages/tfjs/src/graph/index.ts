export { weightNamed } from "./cloneLayer.ts";
export { type ConversionEntry, formatConversion } from "./conversionReport.ts";
export { type Conversion, type ConvertOptions, convertToGmr, type LayerFilter } from "./convert.ts";
export { type FoldOptions, foldModel } from "./fold.ts";
export { type ChannelAffine, mergedBias, normAffine, normAxis, planMerges } from "./merges.ts";
export { countUses, type Graph, type GraphNode, graphNodes, nestedGraphs } from "./nodes.ts";
export { invarianceObstacles, type Obstacle } from "./obstacles.ts";
export { freshName, type Replace, rebuildModel, type UniqueName } from "./rebuild.ts";
export { type Margins, multiplyAxis } from "./resample.ts";
