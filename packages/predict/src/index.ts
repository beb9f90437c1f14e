/** Exported networks in Node: from image files to answers. */
export type { ImageInput, Pixels } from "@gmr-conv/data/node";
export { classifyImage, type ImageClassifier } from "./classifyImage.ts";
export { writeNetworkFolder } from "./networkFolder.ts";
export {
  type Classification,
  type ClassifyOptions,
  type ClassShare,
  type Mask,
  type NodeClassifier,
  type NodeSegmenter,
  openClassifier,
  openSegmenter,
  type SegmentOptions,
} from "./openNetwork.ts";
