import { ringPartition } from "@gmr-conv/core";
import { type ConvShape, type Gather, gatherOf, type Size3 } from "@gmr-conv/tfjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Kernels } from "../generated/kernels.ts";
import { KERNELS } from "../generated/plainKernels.ts";
import { PlanField } from "../layouts.ts";
import { makePlan, type Plan, type PlanKind } from "./plan.ts";

interface ShapeOptions {
  images?: number;
  channels?: [number, number];
  strides?: [number, number];
  dilations?: [number, number];
  pad?: [number, number];
  /** Each kernel position separately. */
  dense?: boolean;
}

/** A 2-D ring convolution, or a dense one, with the same padding on both sides. */
function convShape(image: [number, number], kernel: [number, number], options: ShapeOptions = {}): ConvShape {
  const { images = 1, channels = [4, 4], strides = [1, 1], dilations = [1, 1], dense = false } = options;
  const pad = options.pad ?? [(kernel[0] - 1) / 2, (kernel[1] - 1) / 2];
  const out = [0, 1].map(
    (a) => Math.floor((image[a] + 2 * pad[a] - dilations[a] * (kernel[a] - 1) - 1) / strides[a]) + 1,
  );
  const positions = kernel[0] * kernel[1];
  const partition = ringPartition(kernel);
  return {
    images,
    inSize: [1, ...image],
    inChannels: channels[0],
    outSize: [1, out[0], out[1]],
    outChannels: channels[1],
    kernelSize: [1, ...kernel],
    strides: [1, ...strides],
    dilations: [1, ...dilations],
    padBefore: [0, ...pad],
    spread: [1, 1, 1],
    ...(dense
      ? { matrices: positions }
      : { matrices: partition.numRings, ringIndex: Array.from(partition.index) }),
  };
}

const gather = (...args: Parameters<typeof convShape>): Gather => gatherOf(convShape(...args), "forward");

function slotsOf(plan: Plan): number[] {
  const offset = plan.addresses.find(([field]) => field === PlanField.SlotWeights)?.[1] ?? 0;
  const start = offset / 4 - PlanField.Count;
  return Array.from(plan.tables.subarray(start, start + plan.header[PlanField.Slots]));
}

describe("slots", () => {
  it("are all rings of a kernel in a large image", () => {
    const plan = makePlan(gather([20, 20], [9, 9]), "forward");
    expect(slotsOf(plan)).toEqual([0, 1, 2, 3, 4]);
    expect(plan.hasDeadMatrices).toBe(false);
  });

  it("are the live rings where the image is smaller than the kernel", () => {
    const plan = makePlan(gather([2, 2], [9, 9]), "filter");
    expect(slotsOf(plan)).toEqual([0, 1]);
    expect(plan.hasDeadMatrices).toBe(true);
    expect(slotsOf(makePlan(gather([1, 1], [9, 9]), "forward"))).toEqual([0]);
    expect(slotsOf(makePlan(gather([1, 5], [9, 9]), "forward"))).toEqual([0, 1, 2, 3, 4]);
  });

  it("are none where only the kernel's corners meet the image", () => {
    const plan = makePlan(
      gatherOf({ ...convShape([1, 1], [5, 5], { pad: [4, 4] }), outSize: [1, 1, 1] }, "forward"),
      "forward",
    );
    expect(slotsOf(plan)).toEqual([]);
    expect(plan.header[PlanField.Rows]).toBe(0);
  });

  it("leave out empty rings", () => {
    const partition = ringPartition(5, { numRings: 8 });
    const shape = { ...convShape([9, 9], [5, 5]), ringIndex: Array.from(partition.index), matrices: 8 };
    const plan = makePlan(gatherOf(shape, "filter"), "filter");
    expect(slotsOf(plan)).toEqual([0, 3, 4, 6, 7].filter((ring) => partition.counts[ring] > 0));
    expect(plan.hasDeadMatrices).toBe(true);
  });

  it("are the live positions of a dense kernel", () => {
    const plan = makePlan(gather([1, 1], [3, 3], { dense: true }), "filter");
    expect(slotsOf(plan)).toEqual([4]);
    expect(slotsOf(makePlan(gather([4, 4], [3, 3], { dense: true }), "filter")).length).toBe(9);
  });
});

describe("rows", () => {
  it("pair what is mirrored about the centre of a ring kernel", () => {
    expect(makePlan(gather([20, 20], [9, 9]), "forward").header[PlanField.Rows]).toBe(5);
    expect(makePlan(gather([20, 20], [9, 9], { dense: true }), "forward").header[PlanField.Rows]).toBe(9);
  });

  it("stay unpaired where their mirror image never meets the image", () => {
    const plan = makePlan(
      gatherOf({ ...convShape([3, 9], [5, 5], { pad: [4, 2] }), outSize: [1, 2, 9] }, "forward"),
      "forward",
    );
    // With two output rows, kernel rows 0 to 4 see image rows -4 to 1: only rows 3 and 4 count.
    expect(plan.header[PlanField.Rows]).toBe(2);
  });
});

describe("tiles", () => {
  it("hold several short rows, or part of a long one", () => {
    const short = makePlan(gather([8, 8], [3, 3]), "forward").header;
    expect([short[PlanField.TileRows], short[PlanField.TilePixels]]).toEqual([8, 8]);
    const long = makePlan(gather([8, 200], [3, 3]), "forward").header;
    expect([long[PlanField.TileRows], long[PlanField.TilePixels]]).toEqual([1, 64]);
  });

  it("hold fewer pixels where there are many channels", () => {
    const wide = makePlan(gather([8, 200], [11, 11], { channels: [512, 8] }), "forward").header;
    expect(wide[PlanField.TilePixels]).toBeLessThan(64);
    expect(wide[PlanField.TilePixels]).toBeGreaterThanOrEqual(16);
  });
});

const KINDS: readonly PlanKind[] = ["forward", "filter", "both", "depthwise", "depthwiseFilter"];
const isDepthwise = (kind: PlanKind): boolean => kind === "depthwise" || kind === "depthwiseFilter";

// The kernels themselves, in separate memory, filled with a pattern around what they may write.
describe("buffers", () => {
  const arbitrary = fc
    .record({
      image: fc.tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 })),
      wide: fc.boolean(),
      kernel: fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 })),
      images: fc.integer({ min: 1, max: 3 }),
      channels: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 20 })),
      strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
      extraPad: fc.integer({ min: 0, max: 2 }),
      dense: fc.boolean(),
      groups: fc.constantFrom(1, 1, 2, 3, 5),
    })
    .map(({ image, wide, kernel, extraPad, groups, ...options }) => {
      const size: [number, number] = [2 * kernel[0] + 1, 2 * kernel[1] + 1];
      const reach = options.dilations.map((dilation, a) => dilation * kernel[a] + extraPad);
      const [height, width] = image;
      const pad: [number, number] = [reach[0], reach[1]];
      const [cin, cout] = options.channels.map((count) => groups * Math.ceil(count / groups));
      const shape = gather([height, wide ? 13 * width : width], size, {
        ...options,
        channels: [cin, cout],
        pad,
      });
      return { ...shape, groups };
    });

  it.each<[string, PlanKind]>([
    ["convolve and packWeights", "forward"],
    ["filterGradient", "filter"],
    ["bothGradients and bothFinish", "both"],
    ["depthwiseRing", "depthwise"],
    ["depthwiseRingFilter and depthwiseRingFinish", "depthwiseFilter"],
  ])("%s write only their buffers and their result", (_, kind) => {
    fc.assert(
      fc.property(arbitrary, (shape) => {
        const outChannels = isDepthwise(kind) ? shape.inChannels : shape.outChannels;
        const hasGroups = kind === "forward" || kind === "filter";
        runGuarded(hasGroups ? shape : { ...shape, outChannels, groups: 1 }, kind);
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it("lie one after another, aligned, within the total", () => {
    fc.assert(
      fc.property(arbitrary, fc.constantFrom(...KINDS), (shape, kind) => {
        const { addresses, tables, totalBytes } = makePlan(shape, kind);
        let end = 4 * PlanField.Count;
        for (const [field, offset] of addresses) {
          const isTable = [PlanField.RowTable, PlanField.SlotTable, PlanField.SlotWeights].includes(field);
          expect(offset % (isTable ? 4 : 64)).toBe(0);
          expect(offset).toBeGreaterThanOrEqual(isTable ? end : 4 * (PlanField.Count + tables.length));
          end = offset;
        }
        expect(totalBytes).toBeGreaterThanOrEqual(end);
      }),
      { numRuns: 100, seed: 2 },
    );
  });
});

const PATTERN = 0x5a;
const GUARD = 1024;

const kernelModule = new WebAssembly.Module(Uint8Array.from(atob(KERNELS), (c) => c.charCodeAt(0)));
const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536 });
const { exports } = new WebAssembly.Instance(kernelModule, { env: { memory } });
const kernels = exports as object as Kernels;

/** Runs a convolution, filter gradient or both in the memory, with guards between its parts, and checks them. */
function runGuarded(shape: Gather, kind: PlanKind): void {
  const plan = makePlan(shape, kind);
  const guards: [number, number][] = [[0, GUARD]];
  let end = GUARD;
  const place = (bytes: number): number => {
    const at = end;
    end = Math.ceil((at + bytes + GUARD) / 64) * 64;
    guards.push([at + bytes, end]);
    return at;
  };
  const floatsOf = (size: Size3, channels: number) => size.reduce((a, b) => a * b, shape.images * channels);
  const counts = {
    x: floatsOf(shape.inSize, shape.inChannels),
    y: floatsOf(shape.outSize, shape.outChannels),
    weights:
      shape.matrices * (isDepthwise(kind) ? 1 : shape.inChannels / (shape.groups ?? 1)) * shape.outChannels,
  };
  // Header and tables stay together; each buffer is placed separately, to detect overruns.
  const tableBytes = 4 * (PlanField.Count + plan.tables.length);
  const base = place(tableBytes);
  const addresses = plan.addresses.map(([field, offset], i): [PlanField, number] => {
    const next = plan.addresses[i + 1]?.[1] ?? plan.totalBytes;
    return [field, offset < tableBytes ? base + offset : place(next - offset)];
  });
  const at = { x: place(4 * counts.x), y: place(4 * counts.y), weights: place(4 * counts.weights) };
  const other = place(4 * counts.y);
  const otherWeights = place(4 * counts.weights);
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));

  const bytes = new Uint8Array(memory.buffer, 0, end).fill(PATTERN);
  const integers = new Int32Array(memory.buffer, base, plan.header.length + plan.tables.length);
  integers.set(plan.header);
  for (const [field, address] of addresses) integers[field] = address;
  integers.set(plan.tables, PlanField.Count);
  const view = (name: keyof typeof at) => new Float32Array(memory.buffer, at[name], counts[name]);
  const isForward = kind !== "filter" && kind !== "depthwiseFilter";
  const [result, factor] = isForward ? (["y", "weights"] as const) : (["weights", "y"] as const);
  for (const input of ["x", factor] as const) view(input).fill(0.5);
  view(result).fill(0); // matrices without a live tap are not written

  if (kind === "forward") {
    kernels.packWeights(base, at.weights, 0, 0, plan.panels);
    kernels.convolve(base, at.x, at.y, 0, plan.units, 0, 0, 0);
  } else if (kind === "both") {
    new Float32Array(memory.buffer, other, counts.y).fill(0.5);
    const dw = new Float32Array(memory.buffer, otherWeights, counts.weights).fill(0);
    kernels.packWeights(base, at.weights, 0, 0, plan.panels);
    kernels.bothGradients(base, at.x, at.y, other, 0, plan.units);
    kernels.bothFinish(base, otherWeights, 0, plan.finishUnits);
    expect(Math.max(...dw.map(Math.abs))).toBeLessThan(1e6);
  } else if (kind === "depthwise") {
    kernels.depthwiseRing(base, at.x, at.weights, at.y, 0, plan.units);
  } else if (kind === "depthwiseFilter") {
    kernels.depthwiseRingFilter(base, at.x, at.y, 0, plan.units);
    kernels.depthwiseRingFinish(base, at.weights);
  } else {
    kernels.filterGradient(base, at.x, at.y, 0, plan.units);
    kernels.filterFinish(base, at.weights, 0, plan.finishUnits);
  }
  expect(guards.filter(([from, to]) => bytes.subarray(from, to).some((byte) => byte !== PATTERN))).toEqual(
    [],
  );
  // The pattern is a float of 1.5e16: it shows if a kernel reads uninitialised memory.
  expect(Math.max(...view(result).map(Math.abs))).toBeLessThan(1e6);
}
