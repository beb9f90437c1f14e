// The choices that the options of our networks name.

/** `gmr`: ring convolutions. `dense`: the twin of the same depth and widths with plain 3×3 convolutions. */
export type ConvKind = "gmr" | "dense";

/**
 * How a strided block halves its input.
 * - `average`: 2×2 averages, as in the official networks.
 * - `blur`: 3×3 averages first, which lets less aliasing through and so keeps accuracy flatter over angles.
 */
export type Pooling = "average" | "blur";

/**
 * What a residual block is made of.
 * - `basic`: two k×k convolutions.
 * - `bottleneck`: a k×k convolution between two 1×1 convolutions, with four times the channels at its end.
 */
export type Block = "basic" | "bottleneck";

/**
 * How odd sides of a map are halved; even ones always over 2 positions.
 * - `symmetric`: over 3 positions with stride 2, which turn with the image.
 * - `floor`: over 2, the last row or column left out, as in the official networks: no longer symmetric.
 */
export type OddSides = "symmetric" | "floor";

/**
 * What part of the feature maps counts.
 * - `square`: all of it. Its border lies differently to a pattern turned by 45°.
 * - `disc`: the inscribed disc, with a soft edge; outside it features are zero. The border is then the same at every
 *   angle, which keeps accuracy flat between the multiples of 90°.
 */
export type FieldOfView = "square" | "disc";

/** What becomes of the last feature map: one number per channel, wherever the pattern was. */
export type GlobalPooling = "average" | "max";

/**
 * Whose defaults stand for options that are not given: `ours`, or those of the `official` package.
 *
 * - all: `ringBasis` "rings", `oddSides` "floor"
 * - ResNet: `kernelSizes` 3 in every stage, `stemPool` true
 * - UNet: `circular` and `mixture` false, `upsampling` "deconv"
 */
export type Defaults = "ours" | "official";
