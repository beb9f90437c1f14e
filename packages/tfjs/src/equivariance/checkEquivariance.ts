// Does a model, layer or function preserve turns and mirror images?

import {
  checkFinite,
  checkKeys,
  checkPositiveInteger,
  describeValue,
  GmrError,
  type KeysOf,
} from "@gmr-conv/core";
import { AXIS_NAMES, symmetryGroup } from "@gmr-conv/core/equivariance";
import type * as tf from "@tensorflow/tfjs";
import { checkTensor } from "../checks.ts";
import { measureAngles, measureExact, type Turn } from "./measure.ts";
import type { EquivarianceReport } from "./report.ts";
import { type EquivarianceTarget, evaluator, type Images, statedShape } from "./target.ts";
import { fadeOut, smoothImages } from "./testImages.ts";

/** Two axes of volumes [N, D, H, W, C]; a turn maps the first onto the second. */
export type Plane = "DH" | "DW" | "HW";

export interface EquivarianceOptions {
  /** [N, ...spatial, C], float32. Default: smooth random images, seeded. */
  inputs?: tf.Tensor | undefined;
  /** Shape of one of those random images, [...spatial, C]. Default: the target's input shape. */
  inputShape?: readonly number[] | undefined;
  /** Degrees, counter-clockwise. Default: images every 15°, volumes every 45°. */
  angles?: readonly number[] | undefined;
  /** Try mirror images too. Default true. */
  flips?: boolean | undefined;
  /** For volumes: the planes to turn in. Default: all three. */
  planes?: readonly Plane[] | undefined;
  /** Seed of the random images; an integer ≥ 0. Default 0. */
  seed?: number | undefined;
  /** The largest error that counts as an exact symmetry. Default 1e-4. */
  tolerance?: number | undefined;
}

const KEYS: KeysOf<EquivarianceOptions> = {
  inputs: true,
  inputShape: true,
  angles: true,
  flips: true,
  planes: true,
  seed: true,
  tolerance: true,
};

const PLANES: readonly Plane[] = ["HW", "DW", "DH"];

const BATCH = 2;

/**
 * Measures the symmetry of a target: whether turning or mirroring its input turns or mirrors its output (feature maps
 * [N, ...spatial, C], perhaps of another size), or leaves it unchanged (outputs [N, K]).
 *
 * - The symmetries of the grid (2 of signals, 8 of images, 48 of volumes) are tested exactly. Those that swap axes of
 *   unequal sizes are tested with the sizes swapped, and skipped if a model's sizes are fixed or its output does not
 *   have the swapped sizes.
 * - For any other angle, inputs are faded out outside the inscribed disc, so that nothing is lost, and turned with
 *   bilinear interpolation; the error of that interpolation is measured by turning and turning back.
 *
 * Where exact symmetries are broken, the report names the layers whose strides do not fit the sizes of their inputs,
 * and sizes that would: a strided window of odd size preserves turns and mirror images on odd sides, but not on even
 * ones.
 *
 * Errors are relative to the largest absolute value compared. Works on every backend; keeps no tensors.
 *
 * @param target a model with one input and one output, a layer (built by its first call if needed), or a function.
 *   Functions run inside `tf.tidy`; asynchronous ones dispose of their own intermediate tensors. The returned tensor is
 *   disposed of.
 * @throws GmrError `unsupported` for other numbers of inputs and outputs and for outputs of other ranks;
 *   `invalid-argument` for an invalid option or if sizes are neither given nor stated by the target; `invalid-shape`
 *   for inputs without one to three spatial axes or outputs of another batch size; `invalid-data` if an output is not
 *   finite. Errors thrown by the target are passed on.
 */
export async function checkEquivariance(
  target: EquivarianceTarget,
  options: EquivarianceOptions = {},
): Promise<EquivarianceReport> {
  checkKeys("the options of checkEquivariance", options, KEYS);
  const evaluate = evaluator(target);
  const input = await inputImages(target, options);
  const turns = turnsOf(input.shape.length - 2, options);
  const tolerance = checkFinite("tolerance", options.tolerance ?? 1e-4);
  const output = await evaluate(input);
  const kind = kindOf(input.shape, output.shape);
  const subject = { evaluate, kind };
  const elements = symmetryGroup(input.shape.length - 2).filter(
    ({ reflection }) => !reflection || options.flips !== false,
  );
  return {
    kind,
    inputShape: [...input.shape],
    outputShape: [...output.shape],
    exact: await measureExact(subject, input, output, elements, target, tolerance),
    angles: await measureAngles(subject, fadeOut(input), turns),
  };
}

async function inputImages(target: EquivarianceTarget, options: EquivarianceOptions): Promise<Images> {
  const { inputs, inputShape, seed } = options;
  if (inputs) {
    if (inputShape) throw new GmrError("invalid-argument", "inputs and inputShape must not both be given");
    checkTensor("inputs", inputs, [3, 4, 5], "[N, ...spatial, C]");
    return { image: Float32Array.from(await inputs.data()), shape: inputs.shape };
  }
  const shape = inputShape
    ? [BATCH, ...inputShape.map((size) => checkPositiveInteger("inputShape's sizes", size))]
    : statedShape(target, BATCH);
  if (shape.length < 3 || shape.length > 5) {
    throw new GmrError(
      "invalid-shape",
      `inputs must have one to three spatial axes, got shape ${describeValue(shape)}`,
    );
  }
  return smoothImages(shape, seed ?? 0);
}

function turnsOf(rank: number, options: EquivarianceOptions): Turn[] {
  if (options.planes && rank !== 3) {
    throw new GmrError("invalid-argument", `planes must be omitted for inputs with ${rank} spatial axes`);
  }
  if (rank === 1) {
    if (!options.angles?.length) return [];
    throw new GmrError("invalid-argument", "angles must be omitted for signals");
  }
  const step = rank === 2 ? 15 : 45;
  const angles = options.angles ?? Array.from({ length: 360 / step }, (_, i) => i * step);
  const planes = rank === 2 ? [undefined] : (options.planes ?? PLANES);
  return planes.flatMap((plane) => {
    const axes = axesOf(plane);
    return angles.map((angle) => ({ angle: checkFinite("angles", angle), plane, axes }));
  });
}

/** The axes of the shape to turn in. */
function axesOf(plane: Plane | undefined): readonly [number, number] {
  if (plane === undefined) return [1, 2];
  if (!PLANES.includes(plane)) {
    throw new GmrError(
      "invalid-argument",
      `planes must be of ${PLANES.join(", ")}, got ${describeValue(plane)}`,
    );
  }
  return [AXIS_NAMES[3].indexOf(plane[0]) + 1, AXIS_NAMES[3].indexOf(plane[1]) + 1];
}

function kindOf(input: readonly number[], output: readonly number[]): EquivarianceReport["kind"] {
  if (output.length !== 2 && output.length !== input.length) {
    throw new GmrError(
      "unsupported",
      `the output must be [N, K] or have as many axes as the input ${describeValue(input)}, ` +
        `got ${describeValue(output)}`,
    );
  }
  if (output[0] !== input[0]) {
    throw new GmrError(
      "invalid-shape",
      `the output must have the input's batch size ${input[0]}, got shape ${describeValue(output)}`,
    );
  }
  return output.length === 2 ? "invariance" : "equivariance";
}
