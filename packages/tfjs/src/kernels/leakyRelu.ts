import type * as tf from "@tensorflow/tfjs";
import { checkEqual } from "./checks.ts";
import type { KernelDeclaration } from "./declaration.ts";

/** Attributes of the stock LeakyRelu and of its gradient. */
export interface LeakyReluAttrs extends tf.NamedAttrMap {
  alpha: number;
}

/** dx = dy where x > 0, else alpha · dy: the gradient of the stock LeakyRelu, which without it takes three kernels. */
export const LeakyReluGrad: KernelDeclaration<Record<"dy" | "x", tf.TensorInfo>, LeakyReluAttrs> = {
  name: "LeakyReluGrad",
  check: (inputs) => checkEqual(inputs),
};
