// The gradient of maximum pooling on the CPU, where windows do not overlap: TensorFlow's pools once more.

import { product } from "@gmr-conv/core";
import {
  type KernelOverride,
  type Pool2DKernelAttrs,
  type Pool3DKernelAttrs,
  type PoolShape,
  pool2DShape,
  pool3DShape,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { Kind, poolPlan } from "../native/plan.ts";
import { node, runNativeSingle } from "../state.ts";

const gradient = <Attrs extends Pool2DKernelAttrs | Pool3DKernelAttrs>(
  kernelName: string,
  shapeOf: (inShape: readonly number[], attrs: Attrs) => PoolShape,
): KernelOverride =>
  node.override<{ dy: tf.TensorInfo; input: tf.TensorInfo }, Attrs>(
    kernelName,
    ({ dy, input }, attrs, state, stock) => {
      const isPlain = [dy, input].every(({ dtype, shape }) => dtype === "float32" && product(shape) > 0);
      if (!state.hasKernels || !isPlain || attrs.dataFormat === "NCDHW") return stock();
      const shape = shapeOf(input.shape, attrs);
      if (shape.filter.some((size, axis) => size > shape.strides[axis])) return stock();
      return runNativeSingle(
        state,
        (ops) =>
          ops.kernel(
            Kind.MaxPoolGradient,
            [ops.input(dy), ops.input(input)],
            [input.shape],
            poolPlan(shape),
          )[0],
      );
    },
  );

export const maxPoolKernels = [
  gradient<Pool2DKernelAttrs>(tf.MaxPoolGrad, pool2DShape),
  gradient<Pool3DKernelAttrs>(tf.MaxPool3DGrad, pool3DShape),
];
