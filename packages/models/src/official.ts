// Networks of the official PyTorch package (gmr-conv 1.0.3), recognised by their weights.
//
// Options that leave a trace in the weights are read from them; the others are assumed to be that package's defaults,
// and reported.

import {
  defaultNumRings,
  describeValue,
  GmrError,
  perAxis,
  product,
  ringMasks,
  ringPartition,
} from "@gmr-conv/core";
import type { ModelName } from "./registry.ts";
import type { ResNetOptions } from "./resNetOptions.ts";
import type { UNetOptions } from "./unetOptions.ts";

/** The shape of a tensor, and its numbers if available. */
export interface OfficialTensor {
  readonly shape: readonly number[];
  readonly data?: ArrayLike<number | bigint> | undefined;
}

type Tensors = ReadonlyMap<string, OfficialTensor>;
type Options = Omit<ResNetOptions, "inputShape"> | Omit<UNetOptions, "inputShape">;

/** A network, as far as its weights tell. */
export interface OfficialNetwork {
  name: ModelName;
  /** For `createModel`; only the sizes of images are missing. */
  options: Options;
  /** Number of spatial axes. */
  rank: 2 | 3;
  /** Number of input channels. */
  channels: number;
  /** Options that the weights do not tell, with the official defaults assumed for them. */
  assumed: Readonly<Record<string, unknown>>;
}

/**
 * Recognises the official network that a state dictionary belongs to, and its options.
 *
 * @param given names of options that the caller knows, so that nothing is assumed for them
 * @returns undefined if the tensors are not named like those of an official network
 * @throws GmrError `unsupported` for an official variant that this package lacks, naming its option
 */
export function readOfficialNetwork(
  tensors: Tensors,
  given: readonly string[] = [],
): OfficialNetwork | undefined {
  const network = read(tensors, given);
  if (!network) return undefined;
  const assumed = Object.entries(network.assumed).filter(([name]) => !given.includes(name));
  return { ...network, assumed: Object.fromEntries(assumed) };
}

function read(tensors: Tensors, given: readonly string[]): OfficialNetwork | undefined {
  if (tensors.has("conv_0.conv_0.conv.weight") && tensors.has("final_conv.weight")) {
    return readUNet(tensors, given);
  }
  if (isRing(tensors, "stem.0") && tensors.has("fc.weight")) return readR3d(tensors);
  if (isRing(tensors, "conv1") && tensors.has("fc.weight")) return readResNet(tensors);
  return undefined;
}

function shapeOf(tensors: Tensors, name: string): readonly number[] {
  const tensor = tensors.get(name);
  if (tensor) return tensor.shape;
  throw new GmrError("invalid-data", `the weights lack ${name}, which networks of this kind have`);
}

/** Whether a module is a ring convolution: its weight has an axis for the rings. */
const isRing = (tensors: Tensors, module: string): boolean =>
  tensors.get(`${module}.weight`)?.shape.length === 3;

const has = (tensors: Tensors, module: string): boolean => tensors.has(`${module}.weight`);

interface Kernel {
  size: number | number[];
  /** Undefined if it is the default of the kernel size. */
  numRings: number | undefined;
}

/**
 * The kernel of a ring convolution: its masks [1, 1, R, Πk] tell its size, and whether a ring includes the corners.
 * @returns undefined if no options produce these rings
 */
function findKernel(tensors: Tensors, module: string, rank: 2 | 3, circular: boolean): Kernel | undefined {
  const rings = shapeOf(tensors, `${module}.weight`)[2];
  const masks =
    tensors.get(`${module}.default_weight_index_mat`) ?? tensors.get(`${module}.weight_index_mat`);
  if (!masks) return { size: 2 * (rings - (circular ? 1 : 2)) + 1, numRings: undefined };
  const positions = masks.shape[masks.shape.length - 1];
  const side = Math.round(positions ** (1 / rank));
  // R3D's stem is the only official kernel with unequal sides.
  const size = side ** rank === positions ? side : [3, 7, 7];
  const { data } = masks;
  if (product(perAxis("size", size, rank)) !== positions) return undefined;
  const expected = ringMasks(ringPartition(size, { rank, numRings: rings, circular }));
  if (data && !expected.every((value, i) => Math.abs(Number(data[i]) - value) < 0.5)) return undefined;
  return { size, numRings: rings === defaultNumRings(size, circular) ? undefined : rings };
}

function kernelOf(tensors: Tensors, module: string, rank: 2 | 3): Kernel {
  const kernel = findKernel(tensors, module, rank, true);
  if (kernel) return kernel;
  throw new GmrError("unsupported", `module ${module} has rings that no options of such a network produce`);
}

/** Numbers of blocks of the stages `layer1`, `layer2`, … */
function depthsOf(tensors: Tensors): number[] {
  const depths: number[] = [];
  for (const name of tensors.keys()) {
    const match = /^layer(\d+)\.(\d+)\./.exec(name);
    if (!match) continue;
    const [stage, block] = [Number(match[1]), Number(match[2])];
    depths[stage - 1] = Math.max(depths[stage - 1] ?? 0, block + 1);
  }
  return depths;
}

/** Per stage; undefined if all are defaults. */
function ringsOf(kernels: readonly Kernel[], circular = true): number[] | undefined {
  if (kernels.every(({ numRings }) => numRings === undefined)) return undefined;
  return kernels.map(({ numRings, size }) => numRings ?? defaultNumRings(size, circular));
}

function readResNet(tensors: Tensors): OfficialNetwork {
  const depths = depthsOf(tensors);
  const bottleneck = has(tensors, "layer1.0.conv3");
  const second = bottleneck ? "conv2" : "conv1";
  const stages = depths.map((_, s) => {
    const block = `layer${s + 1}.0`;
    // In a block that halves its input, the pooling precedes the convolution.
    const pooled = has(tensors, `${block}.${second}.1`);
    const kernel = kernelOf(tensors, `${block}.${second}${pooled ? ".1" : ""}`, 2);
    const width = shapeOf(tensors, `${block}.${second}${pooled ? ".1" : ""}.weight`)[0];
    return { pooled, kernel, width };
  });
  const [stemWidth, channels] = shapeOf(tensors, "conv1.weight");
  const depth = depths.join();
  const size = bottleneck ? 50 : depth === "3,4,6,3" ? 34 : 18;
  return {
    name: `gmr-resnet${size}`,
    rank: 2,
    channels,
    options: {
      defaults: "official",
      classes: shapeOf(tensors, "fc.weight")[0],
      block: bottleneck ? "bottleneck" : "basic",
      depths,
      widths: stages.map(({ width }) => width),
      kernelSizes: stages.map(({ kernel }) => Number(kernel.size)),
      numRings: ringsOf(stages.map(({ kernel }) => kernel)),
      strides: stages.map(({ pooled }) => (pooled ? 2 : 1)),
      stemWidth,
      stemKernelSize: kernelOf(tensors, "conv1", 2).size,
    },
    assumed: { stemPool: true, oddSides: "floor" },
  };
}

function readR3d(tensors: Tensors): OfficialNetwork {
  const depths = depthsOf(tensors);
  const bottleneck = depths.length > 0 && tensors.get("layer1.0.conv1.0.weight")?.shape.length === 5;
  const module = bottleneck ? "conv2.1" : "conv1.1";
  const kernels = depths.map((_, s) => kernelOf(tensors, `layer${s + 1}.0.${module}`, 3));
  const [stemWidth, channels] = shapeOf(tensors, "stem.0.weight");
  return {
    name: depths.join() === "1,1,1,1" ? "gmr-r3d9" : "gmr-r3d18",
    rank: 3,
    channels,
    options: {
      defaults: "official",
      classes: shapeOf(tensors, "fc.weight")[0],
      block: bottleneck ? "bottleneck" : "basic",
      depths,
      widths: depths.map((_, s) => shapeOf(tensors, `layer${s + 1}.0.${module}.weight`)[0]),
      kernelSizes: kernels.map(({ size }) => Number(size)),
      numRings: ringsOf(kernels),
      stemWidth,
      stemKernelSize: kernelOf(tensors, "stem.0", 3).size,
    },
    assumed: { strides: depths.map((_, s) => (s === 0 ? 1 : 2)), oddSides: "floor" },
  };
}

const UNET_FIRST = "conv_0.conv_0";

function readUNet(tensors: Tensors, given: readonly string[]): OfficialNetwork {
  checkUNetVariant(tensors);
  const final = shapeOf(tensors, "final_conv.weight");
  const rank = final.length === 5 ? 3 : 2;
  const levels = [1, 2, 3, 4].filter((level) => has(tensors, `down_${level}.convs.conv_0.conv`)).length;
  const modules = [
    UNET_FIRST,
    ...Array.from({ length: levels }, (_, level) => `down_${level + 1}.convs.conv_0`),
  ];
  const gmr = isRing(tensors, `${UNET_FIRST}.conv`);
  const { circular, kernels } = gmr
    ? ringKernels(tensors, modules, rank)
    : { circular: true, kernels: modules.map((module) => denseKernel(tensors, module)) };
  const norm = unetNorm(tensors, given);
  const deconv = has(tensors, `upcat_${levels}.upsample.deconv`);
  const features = [...modules, "upcat_1.convs.conv_0"].map(
    (module) => shapeOf(tensors, `${module}.conv.weight`)[0],
  );
  return {
    name: gmr ? "gmr-unet" : "dense-unet",
    rank,
    channels: shapeOf(tensors, `${UNET_FIRST}.conv.weight`)[1],
    options: {
      defaults: "official",
      classes: final[0],
      levels,
      features,
      kernelSizes: kernels.map(({ size }) => Number(size)),
      ...(gmr && {
        numRings: ringsOf(kernels, circular),
        circular,
        mixture: tensors.has(`${UNET_FIRST}.conv.log_sigmas`),
      }),
      ...(norm && { norm }),
      upsampling: deconv ? "deconv" : "linear",
    },
    assumed: {
      // Group norm has weights of the same names and shapes.
      ...(norm === "instance" && { norm }),
      pooling: "max",
      slope: 0.1,
      oddSides: "floor",
    },
  };
}

/** @throws GmrError `unsupported` for an official variant that this package lacks */
function checkUNetVariant(tensors: Tensors): void {
  if ([...tensors.keys()].some((name) => name.includes("pixelshuffle"))) {
    throw unsupportedUNet('upsample "pixelshuffle"', 'train it with "deconv" or "nontrainable"');
  }
  if (has(tensors, `${UNET_FIRST}.adn.A`)) throw unsupportedUNet('act "PReLU"', "expected a leaky rectifier");
  if (!tensors.has(`${UNET_FIRST}.conv.bias`)) {
    throw unsupportedUNet("bias false", "expected convolutions with a bias");
  }
  if (shapeOf(tensors, "final_conv.weight").length < 4) {
    throw unsupportedUNet("one spatial axis", "expected images or volumes");
  }
}

/** Undefined for a norm that the caller knows and the weights do not tell. */
function unetNorm(tensors: Tensors, given: readonly string[]): "batch" | "instance" | undefined {
  if (tensors.has(`${UNET_FIRST}.adn.N.running_mean`)) return "batch";
  if (has(tensors, `${UNET_FIRST}.adn.N`)) return "instance";
  if (given.includes("norm")) return undefined;
  throw unsupportedUNet(
    "norms without weights",
    'they leave no trace; set norm "none" if there are no norms, otherwise train with ("instance", {"affine": True})',
  );
}

function unsupportedUNet(option: string, why: string): GmrError {
  return new GmrError(
    "unsupported",
    `the weights are of a U-Net with ${option}, which is not supported here: ${why}`,
  );
}

/** The kernels of a U-Net; either all of them leave the corners out, or none does. */
function ringKernels(
  tensors: Tensors,
  modules: readonly string[],
  rank: 2 | 3,
): { circular: boolean; kernels: Kernel[] } {
  for (const circular of [true, false]) {
    const kernels = modules.flatMap((module) => findKernel(tensors, `${module}.conv`, rank, circular) ?? []);
    if (kernels.length === modules.length) return { circular, kernels };
  }
  throw new GmrError("unsupported", "the weights are of a U-Net with rings that no options produce");
}

const denseKernel = (tensors: Tensors, module: string): Kernel => ({
  size: shapeOf(tensors, `${module}.conv.weight`)[2],
  numRings: undefined,
});

/** Describes assumed options: `stemPool true, oddSides "floor"`. */
export function formatAssumed(assumed: Readonly<Record<string, unknown>>): string {
  return Object.entries(assumed)
    .map(([name, value]) => {
      const look = name === "norm" ? " (group norm, which is not supported, looks the same)" : "";
      return `${name} ${describeValue(value)}${look}`;
    })
    .join(", ");
}
