/** What pooling and depthwise convolutions read of their images and windows, in the order of `src/windows.ts`. */
// @ts-ignore: decorator
@unmanaged
export class Windows {
  inD: i32;
  inH: i32;
  inW: i32;
  outD: i32;
  outH: i32;
  outW: i32;
  /** Input channels. */
  channels: i32;
  /** Output channels of an input channel. */
  multiplier: i32;
  filterD: i32;
  filterH: i32;
  filterW: i32;
  strideD: i32;
  strideH: i32;
  strideW: i32;
  dilationD: i32;
  dilationH: i32;
  dilationW: i32;
  padD: i32;
  padH: i32;
  padW: i32;
}
