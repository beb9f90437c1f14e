// The three convolutions of training, for rings and for dense kernels alike: sums of the slots to a buffer, then a matrix
// product, or both in one. Where the sums would be too large they are made for some output pixels at a time.

import { GmrError } from "@gmr-conv/core";
import type { ConvShape } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { sumFormat } from "../backend.ts";
import { elements, makeScratch, makeTensor } from "../program.ts";
import { addChunks, chunkRows, partialProducts } from "./filterGradient.ts";
import { fused } from "./fused.ts";
import { forwardGather, type Gather, inputGradientGather, volume } from "./gather.ts";
import { multiply, type Product } from "./multiply.ts";
import { fours, isPadded, padChannels, padSource } from "./pad.ts";
import { type Patch, patchFor, tapsInPatch } from "./patch.ts";
import { makeSums, ringSums, tapTable } from "./sums.ts";
import {
  abilitiesOf,
  describe,
  isFused,
  type Problem,
  problemOf,
  tileSide,
  type Use,
  type Variant,
  variantFor,
} from "./variants.ts";
import { packWeights } from "./weights.ts";

/** A gather with its tables on the device. */
interface Plan {
  problem: Problem;
  /** Names the problem. */
  key: string;
  taps: tf.TensorInfo;
  /** Weight matrix of each slot. */
  slots: tf.TensorInfo;
  /** Slot of each weight matrix, -1 for none. */
  slotOf: tf.TensorInfo;
  /** Of the fused variants, by the side of their tiles. */
  patches: Map<number, { patch: Patch; taps: tf.TensorInfo }>;
}

/** May be changed by tests. */
export const LIMITS = {
  /** Plans are small and networks use few shapes; this many are remembered for a backend. */
  plans: 512,
  /** Bytes of sums that are made at a time, and of images that are padded at a time. */
  sumBytes: 1 << 26,
  padBytes: 1 << 27,
};

const plans = new WeakMap<WebGPUBackend, Map<string, Plan>>();

function table(backend: WebGPUBackend, values: ArrayLike<number>): tf.TensorInfo {
  return backend.makeTensorInfo([values.length], "int32", Int32Array.from(values));
}

function planFor(backend: WebGPUBackend, shape: ConvShape, use: Use): Plan {
  let known = plans.get(backend);
  if (!known) {
    known = new Map();
    plans.set(backend, known);
  }
  const key = `${use}/${Object.values(shape).join("/")}`;
  const found = known.get(key);
  if (found) return found;
  if (known.size >= LIMITS.plans) {
    for (const { taps, slots, slotOf, patches } of known.values()) {
      const tables = [taps, slots, slotOf, ...[...patches.values()].map((patch) => patch.taps)];
      for (const { dataId } of tables) backend.disposeData(dataId);
    }
    known.clear();
  }
  const gather = use === "input" ? inputGradientGather(shape) : forwardGather(shape);
  const problem = problemOf(use, gather);
  const slotOf = Array.from({ length: gather.matrices }, (_, matrix) => gather.slots.indexOf(matrix));
  const plan: Plan = {
    problem,
    key: describe(problem),
    taps: table(backend, tapTable(gather.taps)),
    // Never empty: no buffer may be.
    slots: table(backend, gather.slots.length > 0 ? gather.slots : [0]),
    slotOf: table(backend, slotOf),
    patches: new Map(),
  };
  known.set(key, plan);
  return plan;
}

/** What the fused variant of a plan needs; it must fit. */
function patchOf(backend: WebGPUBackend, plan: Plan, side: 32 | 64): { patch: Patch; taps: tf.TensorInfo } {
  const found = plan.patches.get(side);
  if (found) return found;
  const { gather } = plan.problem;
  const patch = patchFor(gather, side, abilitiesOf(backend).memory);
  if (!patch) throw new GmrError("internal", `no patch of ${plan.key} fits into workgroup memory`);
  const made = { patch, taps: table(backend, tapTable(tapsInPatch(gather, patch))) };
  plan.patches.set(side, made);
  return made;
}

/** How the product of a variant of two passes is computed. */
const productOf = (variant: Variant): Product =>
  variant === "direct" || variant === "subgroups" ? variant : tileSide(variant);

/** Output pixels whose sums are made at a time: `rows` from `first` on, all of images in one padded source. */
interface Block {
  first: number;
  rows: number;
}

/** Images that are padded together, and the blocks of their pixels. */
interface Group {
  firstImage: number;
  images: number;
  blocks: Block[];
}

/** What is made at a time takes at most so many bytes, as far as one image or one pixel allows. */
function groupsOf(gather: Gather): Group[] {
  const pixels = volume(gather.outSize);
  const imageBytes = 16 * volume(gather.paddedSize) * fours(gather.inChannels);
  const together = isPadded(gather) ? gather.images : Math.max(1, Math.floor(LIMITS.padBytes / imageBytes));
  const pixelBytes = 16 * gather.slots.length * fours(gather.inChannels);
  const block = Math.max(1, Math.floor(LIMITS.sumBytes / pixelBytes));
  const groups: Group[] = [];
  for (let firstImage = 0; firstImage < gather.images; firstImage += together) {
    const images = Math.min(together, gather.images - firstImage);
    const [begin, end] = [firstImage * pixels, (firstImage + images) * pixels];
    const blocks: Block[] = [];
    for (let first = begin; first < end; first += block)
      blocks.push({ first, rows: Math.min(block, end - first) });
    groups.push({ firstImage, images, blocks });
  }
  return groups;
}

/** Makes the sums of all output pixels, as many at a time as fit, and hands them on. */
function forEachBlock(
  backend: WebGPUBackend,
  { problem: { gather }, taps }: Plan,
  x: tf.TensorInfo,
  use: (sums: tf.TensorInfo, block: Block) => void,
): void {
  const groups = groupsOf(gather);
  const width = gather.slots.length * fours(gather.inChannels);
  const format = sumFormat(backend);
  const sums = makeSums(backend, Math.max(...groups.map(({ blocks }) => blocks[0].rows)) * width, format);
  for (const { firstImage, images, blocks } of groups) {
    const padded = padSource(backend, { ...gather, images }, x, firstImage);
    for (const block of blocks) {
      const first = block.first - firstImage * volume(gather.outSize);
      ringSums(backend, gather, padded.tensor, taps, first, block.rows, sums, format);
      use(sums, block);
    }
    padded.release();
  }
  backend.disposeData(sums.dataId);
}

/** A plan may be without slots where no output pixel meets the image: everything is zero then. */
function zeros(backend: WebGPUBackend, output: tf.TensorInfo): tf.TensorInfo {
  backend.disposeData(output.dataId);
  return backend.makeTensorInfo(output.shape, "float32", new Float32Array(elements(output)));
}

function gatherAndMultiply(
  backend: WebGPUBackend,
  shape: ConvShape,
  use: "forward" | "input",
  x: tf.TensorInfo,
  weights: tf.TensorInfo,
  outputShape: readonly number[],
): tf.TensorInfo {
  const y = makeTensor(backend, outputShape);
  const plan = planFor(backend, shape, use);
  const { problem, key } = plan;
  const { gather } = problem;
  if (elements(y) === 0) return y;
  if (gather.slots.length === 0 || elements(x) === 0) return zeros(backend, y);
  const variant = variantFor(backend, {
    key,
    problem,
    inputs: [x, weights],
    compute: ([a, b]) => gatherAndMultiply(backend, shape, use, a, b, outputShape),
  });
  const packed = packWeights(backend, gather, weights, plan.slots, use === "input");
  if (isFused(variant)) {
    const { patch, taps } = patchOf(backend, plan, tileSide(variant));
    fused(backend, gather, patch, tileSide(variant), x, packed.tensor, taps, y);
  } else {
    const depth = gather.slots.length * fours(gather.inChannels);
    forEachBlock(backend, plan, x, (sums, block) => {
      const size = { ...block, depth, outChannels: gather.outChannels };
      multiply(backend, sums, packed.tensor, y, size, productOf(variant), sumFormat(backend));
    });
  }
  packed.release();
  return y;
}

/** y = conv(x, weights [L, Cin, Cout]). */
export function forward(
  backend: WebGPUBackend,
  shape: ConvShape,
  x: tf.TensorInfo,
  weights: tf.TensorInfo,
  outputShape: readonly number[],
): tf.TensorInfo {
  return gatherAndMultiply(backend, shape, "forward", x, weights, outputShape);
}

/** dx from dy and the weights [L, Cin, Cout]. */
export function inputGradient(
  backend: WebGPUBackend,
  shape: ConvShape,
  dy: tf.TensorInfo,
  weights: tf.TensorInfo,
  inputShape: readonly number[],
): tf.TensorInfo {
  return gatherAndMultiply(backend, shape, "input", dy, weights, inputShape);
}

/** dW, of shape `filterShape` with the elements of [L, Cin, Cout], from x and dy. */
export function filterGradient(
  backend: WebGPUBackend,
  shape: ConvShape,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  filterShape: readonly number[],
): tf.TensorInfo {
  const dw = makeTensor(backend, filterShape);
  const plan = planFor(backend, shape, "filter");
  const { problem, key } = plan;
  const { gather } = problem;
  if (elements(dw) === 0) return dw;
  if (gather.slots.length === 0 || elements(x) === 0 || elements(dy) === 0) return zeros(backend, dw);
  const variant = variantFor(backend, {
    key,
    problem,
    inputs: [x, dy],
    compute: ([a, b]) => filterGradient(backend, shape, a, b, filterShape),
  });
  const side = variant === "direct" ? undefined : tileSide(variant);
  const { inChannels, outChannels } = gather;
  const pixels = gather.images * volume(gather.outSize);
  const depth = gather.slots.length * fours(inChannels);
  const columns = fours(outChannels);
  const blocks = groupsOf(gather).flatMap((group) => group.blocks);
  const rows = Math.max(...blocks.map((block) => block.rows));
  const chunk = chunkRows(rows, depth, columns, side);
  const partial = makeScratch(backend, Math.ceil(rows / chunk) * 4 * depth * 4 * columns);
  const gradient = padChannels(backend, pixels, outChannels, dy);
  forEachBlock(backend, plan, x, (sums, block) => {
    const chunks = Math.ceil(block.rows / chunk);
    const size = { ...block, depth, fours: columns, chunkRows: chunk, chunks };
    partialProducts(backend, sums, gradient.tensor, partial, size, side, sumFormat(backend));
    addChunks(backend, partial, plan.slotOf, dw, {
      chunks,
      accumulate: Number(block.first > 0),
      inChannels,
      outChannels,
      inPadded: 4 * fours(inChannels),
      outPadded: 4 * columns,
      slots: gather.slots.length,
    });
  });
  gradient.release();
  backend.disposeData(partial.dataId);
  return dw;
}
