import * as tf from "@tensorflow/tfjs";
import { GroupBatchNormalization } from "./groupBatchNormalization.ts";
import { GroupConv2D } from "./groupConv2D.ts";
import { GroupPooling } from "./groupPooling.ts";

let registered = false;

/** Adds the layers of group convolutions to those that `tf.loadLayersModel` knows. */
export function registerGroupConv(): void {
  if (registered) return;
  registered = true;
  tf.serialization.registerClass(GroupConv2D);
  tf.serialization.registerClass(GroupBatchNormalization);
  tf.serialization.registerClass(GroupPooling);
}
