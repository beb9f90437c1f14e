// The classes of GMR convolution layers, one for each name in saved models. See factories.ts for what they compute.

import { GmrConv } from "./gmrConv.ts";
import type { GmrConvArgs, GmrConvTransposeArgs } from "./gmrConvArgs.ts";

export class GmrConv1D extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv1D";

  constructor(args: GmrConvArgs) {
    super(1, args);
  }
}

export class GmrConv2D extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv2D";

  constructor(args: GmrConvArgs) {
    super(2, args);
  }
}

export class GmrConv3D extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv3D";

  constructor(args: GmrConvArgs) {
    super(3, args);
  }
}

export class GmrConv2DTranspose extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv2DTranspose";

  constructor(args: GmrConvTransposeArgs) {
    super(2, args, true);
  }
}

export class GmrConv3DTranspose extends GmrConv {
  /** @nocollapse */
  static readonly className = "GmrConv3DTranspose";

  constructor(args: GmrConvTransposeArgs) {
    super(3, args, true);
  }
}
