// The arithmetic of convolution sizes: from a user's options to explicit padding and output sizes.
//
// Per axis, with input size n, kernel size k, stride s, dilation d and the kernel's extent e = d(k - 1) + 1:
//
//   convolution   out = ⌊(n + before + after - e) / s⌋ + 1
//     numbers     before = after = pad
//     "valid"     before = after = 0
//     "same"      out = ⌈n / s⌉, total = max(0, (out - 1)s + e - n), before = ⌊total / 2⌋   (as TensorFlow)
//
//   transposed    out = (n - 1)s + e - before - after     (here padding is what is cut off the output)
//     numbers     before = pad, after = pad - outputPadding                                 (as PyTorch)
//     "valid"     before = 0, after = -outputPadding
//     "same"      out = n s, before as for the convolution from out to n

import { checkRank, type PerAxis, perAxis } from "./axes.ts";
import { checkKeys, checkNonNegativeInteger, type KeysOf } from "./checks.ts";
import { describeValue, GmrError } from "./errors.ts";

/** What the image is padded with; the modes of PyTorch's `padding_mode`. */
export type PadMode = "zeros" | "reflect" | "replicate" | "circular";

/** `"same"`, `"valid"`, or the number of positions added on both sides of every axis or of each axis. */
export type Pad = "same" | "valid" | PerAxis;

/** How a convolution moves over its input; one number applies to every axis. */
export interface ConvOptions {
  /** Step of the kernel over the input. Default 1. */
  strides?: PerAxis | undefined;
  /** Default `"valid"`. */
  pad?: Pad | undefined;
  /** Spacing of the kernel's positions. Default 1. */
  dilations?: PerAxis | undefined;
  /** Default `"zeros"`. */
  padMode?: PadMode | undefined;
  /** The transposed convolution, which maps a convolution's output sizes back to its input sizes. Default false. */
  transposed?: boolean | undefined;
  /** Positions added at the end of each axis of a transposed convolution's output. Default 0. */
  outputPadding?: PerAxis | undefined;
}

/** A placeholder for an unknown input size: larger than any kernel. */
export const ANY_SIZE = 2 ** 20;

export interface ConvGeometryOptions extends ConvOptions {
  /** Spatial sizes of the input, 1 to 3 of them. */
  inputSize: readonly number[];
  /** Kernel sizes; even ones are allowed here. */
  kernelSize: PerAxis;
}

/** The keys of {@link ConvOptions}. */
export const CONV_OPTIONS: KeysOf<ConvOptions> = {
  strides: true,
  pad: true,
  dilations: true,
  padMode: true,
  transposed: true,
  outputPadding: true,
};

const GEOMETRY_OPTIONS: KeysOf<ConvGeometryOptions> = { ...CONV_OPTIONS, inputSize: true, kernelSize: true };

/** The validated sizes of a convolution, one entry per spatial axis. */
export interface ConvGeometry {
  readonly inputSize: readonly number[];
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Input positions from one side of the kernel to the other: d(k - 1) + 1. */
  readonly extent: readonly number[];
  /**
   * Positions added before and after the input. For a transposed convolution: positions cut off the output,
   * where a negative number adds positions.
   */
  readonly padding: readonly (readonly [before: number, after: number])[];
  readonly padMode: PadMode;
  readonly transposed: boolean;
  readonly outputSize: readonly number[];
}

const PAD_MODES: readonly string[] = ["zeros", "reflect", "replicate", "circular"] satisfies PadMode[];

/**
 * Explicit padding and output sizes of a convolution or transposed convolution.
 *
 * @throws GmrError `invalid-argument` for options that are unknown or never valid: sizes, strides or dilations that are not
 *   positive integers, negative padding, an unknown pad or padMode, outputPadding that is not less than the larger of
 *   stride and dilation; `invalid-shape` where sizes do not fit together: lists of the wrong length, an output smaller
 *   than 1, reflection or wrapping by more than the input holds; `unsupported` for a transposed convolution with a
 *   padMode other than zeros
 */
export function convGeometry(options: ConvGeometryOptions): ConvGeometry {
  const { inputSize: sizes } = checkKeys("the options of a convolution", options, GEOMETRY_OPTIONS);
  if (!Array.isArray(sizes)) {
    throw new GmrError("invalid-argument", `inputSize must be a list of sizes, got ${describeValue(sizes)}`);
  }
  const rank = checkRank("the number of spatial axes", sizes.length);
  const transposed = options.transposed ?? false;
  const padMode = checkPadMode(options.padMode ?? "zeros", transposed);
  const inputSize = perAxis("inputSize", options.inputSize, rank);
  const kernelSize = perAxis("kernelSize", options.kernelSize, rank);
  const strides = perAxis("strides", options.strides ?? 1, rank);
  const dilations = perAxis("dilations", options.dilations ?? 1, rank);
  const pads = checkPad(options.pad ?? "valid", rank);
  const outputPadding = perAxis("outputPadding", options.outputPadding ?? 0, rank, checkNonNegativeInteger);
  const extent = kernelSize.map((size, axis) => dilations[axis] * (size - 1) + 1);

  const axes = inputSize.map((input, axis) => {
    const sizes = { input, extent: extent[axis], stride: strides[axis] };
    const added = outputPadding[axis];
    if (added > 0) {
      checkOutputPadding(added, axis, transposed, pads, Math.max(strides[axis], dilations[axis]));
    }
    const pad = pads === "same" ? "same" : pads[axis];
    const result = transposed ? transposedAxis(sizes, pad, added) : convolutionAxis(sizes, pad);
    if (result.output < 1) {
      throw new GmrError(
        "invalid-shape",
        `the output would have size ${result.output} along axis ${axis}: input ${input}, ` +
          `kernel extent ${extent[axis]}, stride ${strides[axis]}, padding ${describeValue(result.padding)}`,
      );
    }
    checkPadFits(padMode, result.padding, input, axis);
    return result;
  });

  return {
    inputSize,
    kernelSize,
    strides,
    dilations,
    extent,
    padding: axes.map((axis) => axis.padding),
    padMode,
    transposed,
    outputSize: axes.map((axis) => axis.output),
  };
}

/** {@link convGeometry} of a convolution that is described by more than its geometry. */
export function geometryAt(
  conv: Omit<ConvGeometryOptions, "inputSize">,
  inputSize: readonly number[],
): ConvGeometry {
  const { kernelSize, strides, pad, dilations, padMode, transposed, outputPadding } = conv;
  return convGeometry({
    inputSize,
    kernelSize,
    strides,
    pad,
    dilations,
    padMode,
    transposed,
    outputPadding,
  });
}

/**
 * For each axis, whether the windows lie symmetrically in the input: the first starts as far before it as the last ends
 * after it, `(out - 1)s + e - n = 2 · before`. Only then does the output of a ring convolution turn and mirror with
 * its input. Always true for stride 1 and equal padding; otherwise it depends on n: with an odd kernel, stride 2 and
 * `"same"` padding it is true for odd sizes only.
 */
export function symmetricAxes(geometry: ConvGeometry): boolean[] {
  const { inputSize, outputSize, extent, strides, padding, transposed } = geometry;
  return inputSize.map((size, axis) => {
    const [before, after] = padding[axis];
    if (transposed) return before === after;
    return (outputSize[axis] - 1) * strides[axis] + extent[axis] - size === 2 * before;
  });
}

/** The nearest sizes of an axis, below and above, for which {@link symmetricAxes} is true there; up to two. */
export function nearestSymmetricSizes(options: ConvGeometryOptions, axis: number): number[] {
  const { inputSize } = checkKeys("the options of a convolution", options, GEOMETRY_OPTIONS);
  const stride = perAxis("strides", options.strides ?? 1, checkRank("axes", inputSize.length))[axis];
  const isSymmetric = (size: number): boolean => {
    try {
      return symmetricAxes(convGeometry({ ...options, inputSize: inputSize.with(axis, size) }))[axis];
    } catch {
      return false; // too small
    }
  };
  // Above the kernel's size, whether a size is symmetric depends only on its remainder modulo the stride.
  const steps = Array.from({ length: stride }, (_, i) => i + 1);
  const below = steps.map((i) => inputSize[axis] - i).find((size) => size > 0 && isSymmetric(size));
  const above = steps.map((i) => inputSize[axis] + i).find(isSymmetric);
  return [below, above].filter((size) => size !== undefined);
}

interface AxisSizes {
  input: number;
  extent: number;
  stride: number;
}

interface AxisResult {
  output: number;
  padding: readonly [number, number];
}

function convolutionAxis({ input, extent, stride }: AxisSizes, pad: number | "same"): AxisResult {
  if (pad === "same") {
    const output = Math.ceil(input / stride);
    const total = Math.max(0, (output - 1) * stride + extent - input);
    const before = Math.floor(total / 2);
    return { output, padding: [before, total - before] };
  }
  return { output: Math.floor((input + 2 * pad - extent) / stride) + 1, padding: [pad, pad] };
}

function transposedAxis(
  { input, extent, stride }: AxisSizes,
  pad: number | "same",
  added: number,
): AxisResult {
  const full = (input - 1) * stride + extent;
  if (pad === "same") {
    const output = input * stride;
    const before = Math.floor(Math.max(0, full - output) / 2);
    return { output, padding: [before, full - output - before] };
  }
  return { output: full - 2 * pad + added, padding: [pad, pad - added] };
}

function checkPad(pad: Pad, rank: number): number[] | "same" {
  if (pad === "same") return pad;
  if (pad === "valid") return perAxis("pad", 0, rank, checkNonNegativeInteger);
  if (typeof pad === "number" || Array.isArray(pad)) {
    return perAxis("pad", pad, rank, checkNonNegativeInteger);
  }
  throw new GmrError(
    "invalid-argument",
    `pad must be "same", "valid", a number or one number per axis, got ${describeValue(pad)}`,
  );
}

function checkPadMode(padMode: PadMode, transposed: boolean): PadMode {
  if (!PAD_MODES.includes(padMode)) {
    throw new GmrError(
      "invalid-argument",
      `padMode must be one of ${PAD_MODES.join(", ")}, got ${describeValue(padMode)}`,
    );
  }
  if (transposed && padMode !== "zeros") {
    throw new GmrError(
      "unsupported",
      `a transposed convolution supports padMode "zeros" only, got "${padMode}"`,
    );
  }
  return padMode;
}

function checkOutputPadding(
  added: number,
  axis: number,
  transposed: boolean,
  pads: number[] | "same",
  limit: number,
): void {
  if (!transposed) {
    throw new GmrError("invalid-argument", `outputPadding is for transposed convolutions only, got ${added}`);
  }
  if (pads === "same") {
    throw new GmrError("invalid-argument", `outputPadding cannot be combined with pad "same", got ${added}`);
  }
  if (added >= limit) {
    throw new GmrError(
      "invalid-argument",
      `outputPadding must be less than the larger of stride and dilation, ${limit} along axis ${axis}, got ${added}`,
    );
  }
}

/** Reflection can repeat all positions but the border, wrapping all positions. */
function checkPadFits(
  padMode: PadMode,
  padding: readonly [number, number],
  input: number,
  axis: number,
): void {
  const largest = Math.max(...padding);
  const available =
    padMode === "reflect" ? input - 1 : padMode === "circular" ? input : Number.POSITIVE_INFINITY;
  if (largest > available) {
    throw new GmrError(
      "invalid-shape",
      `padMode "${padMode}" can pad at most ${available} along axis ${axis} of size ${input}, got ${largest}`,
    );
  }
}
