// Every kernel of this package. Those that the stock backend also has replace its own.

import { once } from "@gmr-conv/core";
import { cpuFallbackConfigs, replaceKernels } from "@gmr-conv/tfjs";
import { batchNormKernels } from "./kernels/batchNorm.ts";
import { convolutionKernels } from "./kernels/convolution.ts";
import { depthwiseKernels } from "./kernels/depthwiseConv.ts";
import { elementwiseKernels } from "./kernels/elementwise.ts";
import { mixtureKernels } from "./kernels/mixture.ts";
import { optimizerKernels } from "./kernels/optimizers.ts";
import { poolingKernels } from "./kernels/pooling.ts";
import { resizeKernels } from "./kernels/resize.ts";
import { rowKernels } from "./kernels/rows.ts";
import { sumKernels } from "./kernels/sums.ts";
import { wasm } from "./state.ts";
import { refuses, refusesType } from "./types.ts";

export const registerKernels = once((): void => {
  replaceKernels([
    ...convolutionKernels,
    ...batchNormKernels,
    ...depthwiseKernels,
    ...poolingKernels,
    ...elementwiseKernels,
    ...mixtureKernels,
    ...optimizerKernels,
    ...resizeKernels,
    ...rowKernels,
    ...sumKernels,
  ]);
  replaceKernels(cpuFallbackConfigs(wasm.name, { refuses, refusesType }));
});
