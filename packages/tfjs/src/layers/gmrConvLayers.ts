// The GMR convolution layers, by number of axes.

import { GmrConv } from "./gmrConv.ts";
import type { GmrConvArgs, GmrConvTransposeArgs } from "./gmrConvArgs.ts";

/** [N, W, Cin] → [N, W', filters], the same for the mirror image of its input. */
export class GmrConv1D extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv1D";

  constructor(args: GmrConvArgs) {
    super(1, args);
  }
}

/**
 * [N, H, W, Cin] → [N, H', W', filters], which turns and mirrors with its input: by 90° where both axes have the
 * same sizes and strides. Strides above 1 keep this only on sizes where windows lie symmetrically (`symmetricAxes` of
 * `@gmr-conv/core`): for an odd kernel, strides 2 and padding "same", on odd sizes but not on even ones. Average
 * pooling before a convolution of stride 1 keeps it on all sizes (`symmetricPooling`), as the networks do.
 */
export class GmrConv2D extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv2D";

  constructor(args: GmrConvArgs) {
    super(2, args);
  }
}

/**
 * [N, D, H, W, Cin] → [N, D', H', W', filters], which turns and mirrors with its input by all 48 symmetries of the
 * cube; for strides above 1, on the sizes given at {@link GmrConv2D}.
 */
export class GmrConv3D extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv3D";

  constructor(args: GmrConvArgs) {
    super(3, args);
  }
}

/** The transposed convolution [N, H, W, Cin] → [N, H', W', filters]. */
export class GmrConv2DTranspose extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv2DTranspose";

  constructor(args: GmrConvTransposeArgs) {
    super(2, args, true);
  }
}

/** The transposed convolution [N, D, H, W, Cin] → [N, D', H', W', filters]. */
export class GmrConv3DTranspose extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv3DTranspose";

  constructor(args: GmrConvTransposeArgs) {
    super(3, args, true);
  }
}
