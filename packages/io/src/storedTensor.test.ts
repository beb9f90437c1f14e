import { describe, expect, it } from "vitest";
import { decodeTensor, encodeTensor } from "./elementTypes.ts";
import { toFloat32 } from "./storedTensor.ts";

describe("toFloat32", () => {
  it("rounds 64-bit integers and doubles, and keeps float32 unchanged", () => {
    const data = Float32Array.of(1, 2);
    expect(toFloat32({ shape: [2], data })).toBe(data);
    expect(toFloat32({ shape: [2], data: BigInt64Array.of(-3n, 2n ** 62n) })).toEqual(
      Float32Array.of(-3, 2 ** 62),
    );
    expect(toFloat32({ shape: [1], data: Float64Array.of(0.1) })).toEqual(Float32Array.of(0.1));
  });
});

describe("half-precision numbers", () => {
  /** The formula of IEEE 754, without bit tricks. */
  function numberOf(half: number, exponentBits: number, fractionBits: number): number {
    const sign = half >> 15 ? -1 : 1;
    const exponent = (half >> fractionBits) & (2 ** exponentBits - 1);
    const fraction = (half & (2 ** fractionBits - 1)) / 2 ** fractionBits;
    const bias = 2 ** (exponentBits - 1) - 1;
    if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
    return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
  }

  it.each([
    ["F16", 5, 10],
    ["BF16", 8, 7],
  ] as const)("%s: all 65,536 widen exactly", (type, exponentBits, fractionBits) => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const { data, shape } = decodeTensor(type, [65536], new Uint8Array(halves.buffer));
    expect(shape).toEqual([65536]);
    expect(data).toBeInstanceOf(Float32Array);
    expect(Array.from(data, Number)).toEqual(
      Array.from(halves, (half) => numberOf(half, exponentBits, fractionBits)),
    );
  });
});

it("encodes only the bytes of a view", () => {
  const data = Int16Array.of(1, 2, 3, 4).subarray(1, 3);
  const { type, bytes } = encodeTensor("x", { shape: [2], data });
  expect([type, ...bytes]).toEqual(["I16", 2, 0, 3, 0]);
});
