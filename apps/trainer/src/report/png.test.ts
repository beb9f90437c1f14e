import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { divergingColors } from "./kernelPictures.ts";
import { pngDataUri } from "./png.ts";

describe("pngDataUri", () => {
  it("writes size and rows, each with its filter byte", () => {
    const rgba = Uint8Array.from({ length: 24 }, (_, i) => i);
    const file = Buffer.from(pngDataUri(3, 2, rgba).replace("data:image/png;base64,", ""), "base64");
    expect(file.subarray(1, 4).toString()).toBe("PNG");
    expect([file.readUInt32BE(16), file.readUInt32BE(20)]).toEqual([3, 2]);
    const length = file.readUInt32BE(33);
    expect(file.subarray(37, 41).toString()).toBe("IDAT");
    const rows = inflateSync(file.subarray(41, 41 + length));
    expect([...rows]).toEqual([0, ...rgba.subarray(0, 12), 0, ...rgba.subarray(12)]);
    expect(file.subarray(-12).toString("hex")).toBe("0000000049454e44ae426082");
  });
});

describe("divergingColors", () => {
  it("shows the sign by hue and the magnitude by opacity", () => {
    const [low, none, high] = [0, 4, 8].map((at) => divergingColors([-2, 0, 1], 2).subarray(at, at + 4));
    expect([low[3], none[3], high[3]]).toEqual([255, 0, 128]);
    expect(low[2]).toBeGreaterThan(low[0]);
    expect(high[0]).toBeGreaterThan(high[2]);
    expect([...divergingColors([0], 0)].at(-1)).toBe(0);
  });
});
