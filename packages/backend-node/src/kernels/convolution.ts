// Ring convolutions.

import { groupedRingKernels, RingConvBias, ringConvKernels, ringConvShape } from "@gmr-conv/tfjs";
import { convolutions, forward } from "../conv/convolve.ts";
import { node } from "../state.ts";

const ringConvBias = node.kernel(RingConvBias, ({ x, weights, bias }, attrs, state) => {
  const [images] = x.shape;
  const [, cin, cout] = weights.shape;
  const shape = ringConvShape(attrs, images, cin, cout);
  return forward(state, shape, [x, weights, bias], [images, ...attrs.outputSize, cout]);
});

// Symmetric positions only: the gradients use S_l for S_lᵀ.
export const convolutionKernels = [...ringConvKernels(node, convolutions, false), ringConvBias];

/** For the kernels in `native/` alone. */
export const groupedKernels = groupedRingKernels(node, convolutions);
