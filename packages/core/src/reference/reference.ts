// The reference convolution: float64, every option, plain loops. Slow but obviously correct: every kernel of the
// project is tested against it.
//
// A convolution is a sum of products y[o] += x[i] · K[p], taken over all triples (input position i, output
// position o, kernel position p) that meet, and over channels. `forEachProduct` walks over these triples once;
// the convolution and its three adjoints differ only in which of the three arrays they add to. A transposed
// convolution walks over the triples of the convolution that it is the adjoint of, input and output exchanged.
//
// Layouts: x [N, ...spatial, Cin], kernel [...k, Cin/groups, Cout]; transposed: kernel [...k, Cout/groups, Cin].

import { type PerAxis, product } from "../axes.ts";
import { checkChannels } from "../channels.ts";
import { checkFits, checkKeys, checkLength, checkNonNegativeInteger, type KeysOf } from "../checks.ts";
import { describeValue, GmrError } from "../errors.ts";
import { CONV_OPTIONS, type ConvGeometry, type ConvOptions, geometryAt, type PadMode } from "../geometry.ts";

export interface ReferenceConvOptions extends ConvOptions {
  /** Kernel sizes; one number applies to every axis. */
  kernelSize: PerAxis;
  /** Number of groups that input and output channels are divided into. Default 1. */
  groups?: number | undefined;
  /** [Cout], added to every output position. */
  bias?: ArrayLike<number> | undefined;
}

const REFERENCE_OPTIONS: KeysOf<ReferenceConvOptions> = {
  ...CONV_OPTIONS,
  kernelSize: true,
  groups: true,
  bias: true,
};

/** The output [N, ...spatial, Cout] and its shape. */
export interface ReferenceOutput {
  y: Float64Array;
  shape: number[];
}

/** Gradients in the layouts of x, kernel and bias. */
export interface ReferenceGradients {
  x: Float64Array;
  kernel: Float64Array;
  bias: Float64Array;
}

/**
 * The convolution (in the sense of neural networks: the kernel is not flipped) of x with a dense kernel, or the
 * transposed convolution. The number of output channels follows from the length of `kernel`.
 *
 * @param x [N, ...spatial, Cin]
 * @param shape the shape of x; 1 to 3 spatial axes
 * @param kernel [...k, Cin/groups, Cout]; transposed: [...k, Cout/groups, Cin]
 * @throws GmrError `invalid-shape` if array lengths, channels and groups do not fit, and what
 *   `convGeometry` throws
 */
export function referenceConv(
  x: ArrayLike<number>,
  shape: readonly number[],
  kernel: ArrayLike<number>,
  options: ReferenceConvOptions,
): ReferenceOutput {
  const plan = planReference(x, shape, kernel, options);
  const { bias } = options;
  if (bias) checkLength("bias", bias, plan.outChannels, "one per output channel");
  const y = Float64Array.from({ length: product(plan.outputShape) }, (_, i) =>
    bias ? bias[i % plan.outChannels] : 0,
  );
  forEachProduct(plan, (xi, yi, ki) => {
    y[yi] += x[xi] * kernel[ki];
  });
  return { y, shape: plan.outputShape };
}

/**
 * The adjoints of {@link referenceConv}: the gradients of Σ y · gradY for x, kernel and bias.
 *
 * @param gradY [N, ...output spatial, Cout]
 * @throws GmrError as {@link referenceConv}, and `invalid-shape` if gradY does not have the output's length
 */
export function referenceConvGrad(
  x: ArrayLike<number>,
  shape: readonly number[],
  kernel: ArrayLike<number>,
  gradY: ArrayLike<number>,
  options: ReferenceConvOptions,
): ReferenceGradients {
  const plan = planReference(x, shape, kernel, options);
  checkLength("gradY", gradY, product(plan.outputShape), describeValue(plan.outputShape));
  const gradX = new Float64Array(x.length);
  const gradKernel = new Float64Array(kernel.length);
  const gradBias = new Float64Array(plan.outChannels);
  forEachProduct(plan, (xi, yi, ki) => {
    gradX[xi] += gradY[yi] * kernel[ki];
    gradKernel[ki] += gradY[yi] * x[xi];
  });
  for (let i = 0; i < gradY.length; i++) gradBias[i % plan.outChannels] += gradY[i];
  return { x: gradX, kernel: gradKernel, bias: gradBias };
}

interface ReferencePlan {
  geometry: ConvGeometry;
  batch: number;
  inChannels: number;
  outChannels: number;
  groups: number;
  outputShape: number[];
}

function planReference(
  x: ArrayLike<number>,
  shape: readonly number[],
  kernel: ArrayLike<number>,
  options: ReferenceConvOptions,
): ReferencePlan {
  checkKeys("the options of a convolution", options, REFERENCE_OPTIONS);
  const geometry = geometryAt(options, shape.slice(1, -1));
  const batch = checkNonNegativeInteger("the batch size", shape[0]);
  const groups = options.groups ?? 1;
  const inChannels = checkChannels("the input channels", shape[shape.length - 1], groups);
  checkLength("x", x, product(shape), describeValue(shape));

  // Πk · Cin/groups · Cout numbers; as many when transposed: Πk · Cout/groups · Cin.
  const perOutput = (product(geometry.kernelSize) * inChannels) / groups;
  const outChannels = kernel.length / perOutput;
  if (!Number.isSafeInteger(outChannels) || outChannels < 1) {
    throw new GmrError(
      "invalid-shape",
      `kernel must hold a positive multiple of ${perOutput} numbers ` +
        `(kernel size ${describeValue(geometry.kernelSize)}, ${inChannels} input channels, ${groups} groups), ` +
        `got ${kernel.length}`,
    );
  }
  checkChannels("the output channels", outChannels, groups);
  const outputShape = [batch, ...geometry.outputSize, outChannels];
  checkFits(`an output of shape ${describeValue(outputShape)}`, product(outputShape), "numbers");
  return {
    geometry,
    batch,
    inChannels,
    outChannels,
    groups,
    outputShape,
  };
}

/** Calls `visit` with the indices into x, y and kernel of every product that the convolution sums. */
function forEachProduct(plan: ReferencePlan, visit: (x: number, y: number, kernel: number) => void): void {
  if (!plan.geometry.transposed) {
    forEachProductOf(plan.geometry, plan, visit);
    return;
  }
  // y = the adjoint of the convolution that maps y's sizes and channels to x's.
  const { inputSize, outputSize } = plan.geometry;
  const adjointGeometry = { ...plan.geometry, inputSize: outputSize, outputSize: inputSize };
  const adjoint = { ...plan, inChannels: plan.outChannels, outChannels: plan.inChannels };
  forEachProductOf(adjointGeometry, adjoint, (y, x, kernel) => visit(x, y, kernel));
}

function forEachProductOf(
  geometry: ConvGeometry,
  { batch, inChannels, outChannels, groups }: Omit<ReferencePlan, "geometry">,
  visit: (input: number, output: number, kernel: number) => void,
): void {
  const inputPositions = product(geometry.inputSize);
  const outputPositions = product(geometry.outputSize);
  const inPerGroup = inChannels / groups;
  const outPerGroup = outChannels / groups;
  forEachMeeting(
    geometry.inputSize.map((_, axis) => axisSources(geometry, axis)),
    (i, o, p) => {
      for (let n = 0; n < batch; n++) {
        const input = (n * inputPositions + i) * inChannels;
        const output = (n * outputPositions + o) * outChannels;
        for (let ci = 0; ci < inChannels; ci++) {
          const group = Math.floor(ci / inPerGroup);
          const kernel = (p * inPerGroup + (ci % inPerGroup)) * outChannels;
          for (let co = group * outPerGroup; co < (group + 1) * outPerGroup; co++) {
            visit(input + ci, output + co, kernel + co);
          }
        }
      }
    },
  );
}

/** Along one axis: `sources[o * kernelSize + p]` is the input position that meets o and p, or -1 for none. */
interface AxisSources {
  inputSize: number;
  outputSize: number;
  kernelSize: number;
  sources: Int32Array;
}

function axisSources(geometry: ConvGeometry, axis: number): AxisSources {
  const inputSize = geometry.inputSize[axis];
  const outputSize = geometry.outputSize[axis];
  const kernelSize = geometry.kernelSize[axis];
  const sources = Int32Array.from({ length: outputSize * kernelSize }, (_, i) => {
    const [o, p] = [Math.floor(i / kernelSize), i % kernelSize];
    const position = o * geometry.strides[axis] + p * geometry.dilations[axis] - geometry.padding[axis][0];
    return padSource(position, inputSize, geometry.padMode);
  });
  return { inputSize, outputSize, kernelSize, sources };
}

/** The input position that is read for a position, which may lie outside the input; -1 for a zero. */
function padSource(position: number, size: number, padMode: PadMode): number {
  if (position >= 0 && position < size) return position;
  switch (padMode) {
    case "zeros":
      return -1;
    case "reflect":
      return position < 0 ? -position : 2 * (size - 1) - position;
    case "replicate":
      return position < 0 ? 0 : size - 1;
    case "circular":
      return (position + size) % size;
  }
}

/** Calls `visit` with the row-major (input, output, kernel) positions that meet, over any number of axes. */
function forEachMeeting(
  axes: readonly AxisSources[],
  visit: (input: number, output: number, kernel: number) => void,
  [input, output, kernel]: readonly [number, number, number] = [0, 0, 0],
): void {
  if (axes.length === 0) {
    visit(input, output, kernel);
    return;
  }
  const [{ inputSize, outputSize, kernelSize, sources }, ...inner] = axes;
  for (let o = 0; o < outputSize; o++) {
    for (let p = 0; p < kernelSize; p++) {
      const source = sources[o * kernelSize + p];
      if (source < 0) continue;
      forEachMeeting(inner, visit, [
        input * inputSize + source,
        output * outputSize + o,
        kernel * kernelSize + p,
      ]);
    }
  }
}
