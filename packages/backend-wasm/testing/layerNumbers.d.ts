import type * as tf from "@tensorflow/tfjs";

export declare function layerNumbers(
  tensorflow: typeof tf,
  gmrConv2d: typeof import("@gmr-conv/tfjs").gmrConv2d,
): number[];
