// Every kernel of this package. Kernels that the stock backend has as well are replaced.

import { once } from "@gmr-conv/core";
import { cpuFallbackConfigs, replaceKernels } from "@gmr-conv/tfjs";
import { webGpu } from "./attach.ts";
import { addNKernels } from "./kernels/addN.ts";
import { batchNormKernels } from "./kernels/batchNorm.ts";
import { castKernels } from "./kernels/cast.ts";
import { convolutionKernels } from "./kernels/convolution.ts";
import { elementwiseKernels } from "./kernels/elementwise.ts";
import { highRankKernels } from "./kernels/highRank.ts";
import { matMulKernels } from "./kernels/matMul.ts";
import { mixtureKernels } from "./kernels/mixture.ts";
import { optimizerKernels } from "./kernels/optimizers.ts";
import { poolingKernels } from "./kernels/pooling.ts";
import { sumKernels } from "./kernels/sums.ts";

export const registerKernels = once((): void => {
  replaceKernels([
    ...convolutionKernels,
    ...batchNormKernels,
    ...poolingKernels,
    ...elementwiseKernels,
    ...mixtureKernels,
    ...optimizerKernels,
    ...sumKernels,
    ...matMulKernels,
    ...addNKernels,
    ...castKernels,
    ...highRankKernels,
  ]);
  replaceKernels(cpuFallbackConfigs(webGpu.name));
});
