export { type ConversionEntry, formatConversion } from "./conversionReport.ts";
export { type Conversion, type ConvertOptions, convertToGmr, type LayerFilter } from "./convert.ts";
export { type FoldOptions, foldModel } from "./fold.ts";
export { countUses, type GraphNode, graphNodes } from "./nodes.ts";
export { invarianceObstacles, type Obstacle } from "./obstacles.ts";
export { type Replace, rebuildModel, type UniqueName } from "./rebuild.ts";
export { multiplyAxis } from "./resample.ts";
