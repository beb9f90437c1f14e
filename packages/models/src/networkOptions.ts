// Choices shared by the options of several networks.

/** `gmr`: ring convolutions. `dense`: the twin of the same depth and widths with plain 3×3 convolutions. */
export type ConvKind = "gmr" | "dense";

/**
 * How a strided block halves its input.
 * - `average`: 2×2 averages, as in the official networks.
 * - `blur`: 3×3 averages first: less aliasing, so accuracy stays flatter over angles.
 */
export type Pooling = "average" | "blur";

/**
 * What a residual block is made of.
 * - `basic`: two k×k convolutions.
 * - `bottleneck`: a k×k convolution between two 1×1 convolutions, with four times the channels at its end.
 */
export type Block = "basic" | "bottleneck";

/**
 * How odd sides of a map are halved; even sides always are by windows of 2 positions.
 * - `symmetric`: windows of 3 positions with stride 2, which turn with the image.
 * - `floor`: windows of 2, dropping the last row or column as in the official networks; no longer symmetric.
 */
export type OddSides = "symmetric" | "floor";

/**
 * Which part of the feature maps is used.
 * - `square`: all of it. Its border looks different to a pattern turned by 45°.
 * - `disc`: the inscribed disc, with a soft edge; outside it features are zero. The border is then the same at every
 *   angle, which keeps accuracy flat between the multiples of 90°.
 */
export type FieldOfView = "square" | "disc";

/** How the last feature map is reduced to one number per channel, wherever the pattern was. */
export type GlobalPooling = "average" | "max";

/**
 * Whose defaults apply to missing options: `ours`, or those of the `official` package.
 *
 * - all: `ringBasis` "rings", `oddSides` "floor"
 * - ResNet: `kernelSizes` 3 in every stage, `stemPool` true
 * - UNet: `circular` and `mixture` false, `upsampling` "deconv"
 */
export type Defaults = "ours" | "official";
