// How many multiply-adds of four numbers a core does in WebAssembly, with nothing else to do, and the share of that which
// convolutions reach.

import { GmrError } from "@gmr-conv/core";
import type { LayerShape } from "./layers.ts";
import type { LayerTime, Peak, PeakShare, SimdBuild } from "./measurements.ts";

/** Independent sums: as many as fit into the 16 registers of x86-64 beside the factor and one that engines reserve. */
const SUMS = 14;
/** Multiply-adds of each sum in an iteration of the loop. */
const UNROLL = 8;
const LANES = 4;

/** The peak of one core in this process, the best of several runs. @throws GmrError `unsupported` */
export async function measurePeak(build: SimdBuild, rounds = 20): Promise<Peak> {
  if (!runsHere(build)) throw new GmrError("unsupported", `this engine has no ${build} WebAssembly SIMD`);
  const { instance } = await WebAssembly.instantiate(peakModule(build));
  const run = instance.exports.run as (iterations: number) => number;
  const iterations = 100_000;
  const flops = 2 * LANES * SUMS * UNROLL * iterations;
  const warmUp = 10; // until the engine has compiled it in earnest
  let best = Number.POSITIVE_INFINITY;
  for (let round = -warmUp; round < rounds; round++) {
    const start = performance.now();
    const sum = run(iterations);
    if (round >= 0) best = Math.min(best, performance.now() - start);
    // Every sum tends to 1 = ½ + 1 / 2.
    if (sum !== SUMS) throw new GmrError("internal", `expected ${SUMS} from the loop, got ${sum}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { kind: "peak", build, gflops: Number((flops / best / 1e6).toPrecision(4)) };
}

/** Whether the engine has the instructions of a build. */
export function runsHere(build: SimdBuild): boolean {
  return WebAssembly.validate(peakModule(build));
}

/**
 * The operations of convolutions on one thread, and their share of the peak. A ring convolution's are the products of the
 * ring sums and the mixed weights, R for each pair of channels; its additions along rings are not counted. Positions on
 * the padding count. Each of the two gradients counts as much as forward.
 */
export function sharesOfPeak(
  times: readonly LayerTime[],
  { shape: [batch, height, width, channels], filters, groups }: LayerShape,
  peak: Peak,
): PeakShare[] {
  return times.flatMap(({ kind, k, impl, pass, ms }) => {
    if (kind !== "layer" || (impl !== "gmr" && impl !== "dense")) return [];
    const taps = impl === "gmr" ? (k >> 1) + 1 : k * k;
    const multiplyAdds = ((batch * height * width * channels * filters) / groups) * taps;
    const flops = 2 * multiplyAdds * (pass === "forward" ? 1 : 3);
    const gflops = flops / ms / 1e6;
    return [
      {
        kind: "peak-share" as const,
        build: peak.build,
        k,
        impl,
        pass,
        ms,
        gflops: Number(gflops.toPrecision(3)),
        percent: Number(((100 * gflops) / peak.gflops).toPrecision(3)),
      },
    ];
  });
}

/**
 * A module whose function `run(iterations)` replaces each of its sums s by s · ½ + ½ again and again, and returns the first lanes' total.
 */
function peakModule(build: SimdBuild): Uint8Array<ArrayBuffer> {
  const [HALF, TOTAL, FIRST] = [1, 2, 3];
  const get = (local: number): number[] => [0x20, local];
  const set = (local: number): number[] => [0x21, local];
  const float = (value: number): number[] => [0x43, ...new Uint8Array(new Float32Array([value]).buffer)];
  const splat = [0xfd, 0x13];
  const multiply = [0xfd, ...leb(0xe6)];
  const add = [0xfd, ...leb(0xe4)];
  const multiplyAdd = [0xfd, ...leb(0x105)];
  const sums = Array.from({ length: SUMS }, (_, i) => FIRST + i);
  const step = (sum: number): number[] =>
    build === "relaxed"
      ? [...get(sum), ...get(HALF), ...get(HALF), ...multiplyAdd, ...set(sum)]
      : [...get(sum), ...get(HALF), ...multiply, ...get(HALF), ...add, ...set(sum)];
  const body = [
    ...[3, 1, 0x7b, 1, 0x7d, SUMS, 0x7b], // locals: v128, f32, SUMS × v128
    ...[...float(0.5), ...splat, ...set(HALF)],
    ...sums.flatMap((sum, i) => [...float(i), ...splat, ...set(sum)]),
    ...[0x03, 0x40], // loop
    ...Array.from({ length: UNROLL }, () => sums.flatMap(step)).flat(),
    ...[...get(0), 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b], // while (--iterations)
    ...sums.flatMap((sum) => [...get(TOTAL), ...get(sum), 0xfd, 0x1f, 0x00, 0x92, ...set(TOTAL)]),
    ...[...get(TOTAL), 0x0b],
  ];
  const section = (id: number, content: readonly number[]): number[] => [
    id,
    ...leb(content.length),
    ...content,
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7d]), // (i32) → f32
    ...section(3, [1, 0]),
    ...section(7, [1, 3, ...new TextEncoder().encode("run"), 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

/** An unsigned number in WebAssembly's variable length. */
function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}
