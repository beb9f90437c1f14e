// What the strategies cost on the native library where nothing was measured.

import type { CostModel } from "@gmr-conv/tfjs";

/**
 * On a GPU a dense convolution by cuDNN is one launch, and the sums over rings are many: `dense`, until measured
 * otherwise. On the CPU, per output position and in multiplications of a large matrix product: dense does
 * extent · Cin · Cout; ring pays each tap of each channel several times over, since sums have no products to reuse them
 * for, and then R · Cin · Cout.
 */
export function costModel(device: "cpu" | "gpu"): CostModel {
  if (device === "gpu") return () => ({ ring: 1, dense: 0 });
  return ({ inChannels, outChannels, rings, extent }) => ({
    dense: extent * inChannels * outChannels,
    ring: TAP_COST * extent * rings * inChannels + rings * inChannels * outChannels,
  });
}

const TAP_COST = 6;
