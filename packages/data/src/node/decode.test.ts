import { readFileSync, truncateSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { put, putImage, putPixels, temporaryFolder } from "../testing/write.ts";
import { decodeImage, decodeMask, decodePages, decodeRegion } from "./decode.ts";
import { imageLimits } from "./depthRange.ts";
import { imageInfo } from "./imageInfo.ts";

const folder = temporaryFolder();
const at = (name: string) => path.join(folder, name);

const encode = (name: string, pixels: number[] | Uint16Array, width: number, channels: 1 | 3 | 4 = 1) =>
  putPixels(at(name), pixels instanceof Uint16Array ? pixels : Uint8Array.from(pixels), width, channels);

describe("decodeImage", () => {
  it.each(["png", "webp", "tiff", "jpg"])("reads %s, grey and in colour", async (ending) => {
    const grey = await putImage(at(`grey.${ending}`), 200, { channels: 1, height: 16, width: 24 });
    const colour = await putImage(at(`colour.${ending}`), 100, { height: 16, width: 24 });
    const first = await decodeImage(grey, { channels: 1 });
    expect([first.shape, first.data.constructor.name]).toEqual([[16, 24, 1], "Uint8Array"]);
    expect(Math.abs(first.data[383] - 200)).toBeLessThan(4);
    const second = await decodeImage(colour);
    expect(second.shape).toEqual([16, 24, 3]);
    expect(Math.abs(second.data[500] - 100)).toBeLessThan(4);
    expect((await decodeImage(grey, { channels: 3 })).shape).toEqual([16, 24, 3]);
  });

  it("makes grey of colours as ITU-R 601 weighs them", async () => {
    const file = await encode("rgb.png", [255, 0, 0, 0, 255, 0, 0, 0, 255], 3, 3);
    expect([...(await decodeImage(file, { channels: 1 })).data]).toEqual([76, 150, 29]);
  });

  it("turns images as EXIF tells, and says their turned size", async () => {
    const pixels = Uint8Array.from({ length: 6 }, (_, i) => 40 * i);
    await sharp(pixels, { raw: { width: 3, height: 2, channels: 1 } })
      .withMetadata({ orientation: 6 })
      .tiff({ compression: "lzw" })
      .toFile(at("turned.tiff"));
    expect(await imageInfo(at("turned.tiff"))).toMatchObject({ height: 3, width: 2 });
    const { data, shape } = await decodeImage(at("turned.tiff"), { channels: 1 });
    expect(shape).toEqual([3, 2, 1]);
    expect([...data]).toEqual([120, 0, 160, 40, 200, 80]);
  });

  it("lays what is transparent on the background", async () => {
    const file = await encode("alpha.png", [255, 0, 0, 0, 10, 20, 30, 255], 2, 4);
    expect([...(await decodeImage(file)).data]).toEqual([0, 0, 0, 10, 20, 30]);
    const white = await decodeImage(file, { background: [255, 255, 255] });
    expect([...white.data]).toEqual([255, 255, 255, 10, 20, 30]);
  });

  it("reads 16 bit as floats, by the range that is asked for", async () => {
    const values = Uint16Array.from({ length: 1000 }, (_, i) => 100 + i);
    const file = await encode("deep.tiff", values, 100);
    expect(await imageInfo(file)).toMatchObject({ depth: 16, channels: 1 });
    const read = async (range?: "auto" | "image" | "type" | [number, number]) =>
      (await decodeImage(file, range ? { range } : {})).data;
    expect((await read("type"))[999]).toBeCloseTo(1099 / 65_535, 6);
    const image = await read("image");
    expect([image[0], image[999]]).toEqual([0, 1]);
    expect((await read([100, 600]))[250]).toBeCloseTo(0.5, 6);
    const auto = await read();
    expect([auto[5], auto[999]]).toEqual([0, 1]);
    expect(auto[504]).toBeCloseTo(0.5, 1);
    await expect(read([5, 5])).rejects.toThrow("range must be");
  });

  it("brings images to a size by the rule that is asked for", async () => {
    // Left half black, right half white, twice as wide as high.
    const pixels = Array.from({ length: 8 * 16 }, (_, i) => (i % 16 < 8 ? 0 : 255));
    const file = await encode("wide.png", pixels, 16);
    const read = async (resize: "crop" | "stretch" | "pad" | "none") =>
      (await decodeImage(file, { size: [8, 8], resize, channels: 1, background: [128, 128, 128] })).data;
    const crop = await read("crop");
    expect([crop[0], crop[7]]).toEqual([0, 255]);
    const stretch = await read("stretch");
    expect([stretch[0], stretch[7], stretch[63]]).toEqual([0, 255, 255]);
    const pad = await read("pad");
    expect([pad[0], pad[4 * 8], pad[4 * 8 + 7], pad[63]]).toEqual([128, 0, 255, 128]);
    await expect(read("none")).rejects.toThrow("wide.png: 8×16 pixels, expected 8×8");
  });

  it("names files that are damaged, not images, or missing", async () => {
    const whole = await putImage(at("whole.png"), 9, { height: 64, width: 64 });
    const bytes = readFileSync(whole).length;
    truncateSync(whole, bytes - 30);
    const jpeg = await putImage(at("whole.jpg"), 9, { height: 64, width: 64 });
    truncateSync(jpeg, readFileSync(jpeg).length - 30);
    for (const file of [whole, jpeg, put(at("text.png"), "no image"), put(at("empty.png"), "")]) {
      const message = RegExp(`^${file}: not an image, or a damaged one \\(.*\\)$`);
      await expectGmrError(() => decodeImage(file), "invalid-data", message);
    }
    const missing = at("none.png");
    await expectGmrError(() => decodeImage(missing), "io", `${missing}: no such file`);
  });
});

describe("parts, masks and pages", () => {
  it("reads a part of an image", async () => {
    const file = await encode(
      "numbers.png",
      Array.from({ length: 30 }, (_, i) => i),
      6,
    );
    const { data, shape } = await decodeRegion(
      file,
      { left: 2, top: 1, width: 3, height: 2 },
      { channels: 1 },
    );
    expect(shape).toEqual([2, 3, 1]);
    expect([...data]).toEqual([8, 9, 10, 14, 15, 16]);
    await expect(decodeRegion(file, { left: 5, top: 0, width: 3, height: 2 })).rejects.toThrow(
      "numbers.png: ",
    );
  });

  it("reads the numbers of masks as they are, of 8 and 16 bit, and refuses colours", async () => {
    const deep = await encode("mask16.tiff", Uint16Array.of(0, 1, 300, 65_535), 2);
    expect(await decodeMask(deep)).toEqual({ data: Uint16Array.of(0, 1, 300, 65_535), shape: [2, 2] });
    const shallow = await encode("mask8.png", [0, 1, 7, 255], 2);
    expect([...(await decodeMask(shallow)).data]).toEqual([0, 1, 7, 255]);
    await expect(decodeMask(await putImage(at("red.png"), 3))).rejects.toThrow("masks must be grey");
  });

  it("reads the pages of a TIFF as a volume", async () => {
    const pages = [0, 50, 100].map((value) => Uint8Array.from({ length: 20 }, (_, i) => value + i));
    await sharp(Uint8Array.from(pages.flatMap((page) => [...page])), {
      raw: { width: 5, height: 12, channels: 1, pageHeight: 4 },
    })
      .toColourspace("b-w")
      .tiff({ compression: "lzw" })
      .toFile(at("volume.tiff"));
    const { data, shape } = await decodePages(at("volume.tiff"));
    expect(shape).toEqual([3, 4, 5, 1]);
    expect([data[0], data[20], data[59]].map((value) => Math.round(255 * value))).toEqual([0, 50, 119]);
  });
});

describe("pixels in memory", () => {
  it("are read like the file with the same pixels", async () => {
    const values = Uint8Array.from({ length: 12 * 10 * 4 }, (_, i) => (i * 37) % 256);
    const file = await encode("same.png", [...values], 12, 4);
    const options = { size: [6, 6], channels: 1, background: [9, 99, 199] } as const;
    const pixels = { data: values, width: 12, height: 10, channels: 4 } as const;
    expect(await decodeImage(pixels, options)).toEqual(await decodeImage(file, options));
    expect(await decodeImage(readFileSync(file), options)).toEqual(await decodeImage(file, options));
    const deep = Uint16Array.from({ length: 40 }, (_, i) => 300 * i);
    const deepFile = await encode("same.tiff", deep, 8);
    const deepPixels = { data: deep, width: 8, height: 5, channels: 1 } as const;
    expect(await decodeImage(deepPixels)).toEqual(await decodeImage(deepFile));
    expect(await imageLimits(deepPixels)).toEqual(await imageLimits(deepFile));
  });

  it("are refused, with the reason, if they are none", async () => {
    const wrong = (image: unknown) => decodeImage(image as Uint8Array);
    await expectGmrError(() => wrong({ data: [1] }), "invalid-argument", /^an image must be .*, got /);
    await expectGmrError(() => wrong(undefined), "invalid-argument", /^an image must be .*, got undefined$/);
    const data = new Uint8Array(7);
    const message = "pixels have 7 numbers, expected 2·2·1 = 4";
    await expectGmrError(() => wrong({ data, width: 2, height: 2, channels: 1 }), "invalid-shape", message);
    await expectGmrError(
      () => wrong({ data, width: 0, height: 7, channels: 5 }),
      "invalid-shape",
      "pixels of width 0, height 7 and 5 channels: expected positive sizes and 1 to 4 channels",
    );
  });
});
