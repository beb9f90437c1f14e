import { product, Random } from "@gmr-conv/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rotateImages } from "../transforms.ts";
import { type AugmentOptions, augmenter } from "./augment.ts";

const shape = [9, 9, 1];

/** `count` images with a single 1 in the middle. */
function dots(count: number): Float32Array {
  return Float32Array.from({ length: count * 81 }, (_, i) => (i % 81 === 40 ? 1 : 0));
}

/** Images through an augmenter, with dummy labels. */
function change(options: AugmentOptions, images: Float32Array, seed: number, of: readonly number[] = shape) {
  const count = images.length / product(of);
  return augmenter(options)({ images, labels: new Int32Array(count) }, of, new Random(seed), 2);
}

const colours = (count: number) =>
  Float32Array.from({ length: count * 8 * 8 * 3 }, (_, i) => ((i * 37) % 101) / 100);

describe("shifts and scales", () => {
  it("move by whole pixels, every shift within reach and none beyond", () => {
    const { images } = change({ translate: 2 }, dots(500), 1);
    const shifts = new Set<string>();
    for (let n = 0; n < 500; n++) {
      const at = images.subarray(n * 81, (n + 1) * 81).indexOf(1);
      shifts.add(`${(at % 9) - 4},${Math.floor(at / 9) - 4}`);
    }
    const reach = [-2, -1, 0, 1, 2];
    expect(shifts).toEqual(new Set(reach.flatMap((dx) => reach.map((dy) => `${dx},${dy}`))));
  });

  it("move by fractions and scale, leaving the sum of a moved dot whole", () => {
    const { images } = change({ translate: 2.5, subpixel: true }, dots(20), 2);
    expect(images.reduce((total, value) => total + value, 0)).toBeCloseTo(20, 4);
    expect(images).not.toEqual(dots(20));
    const scaled = change({ scale: [0.8, 1.2] }, dots(20), 3).images;
    expect(scaled.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(scaled).not.toEqual(dots(20));
  });
});

describe("geometry", () => {
  it("cuts a place at random out of larger images, and the whole of smaller ones", () => {
    const { images } = change({ size: [5, 5] }, dots(200), 4);
    expect(images.length).toBe(200 * 25);
    const places = new Set(
      Array.from({ length: 200 }, (_, n) => images.subarray(n * 25, (n + 1) * 25).indexOf(1)),
    );
    expect(places.size).toBe(25);
    const larger = change({ size: [11, 11] }, dots(1), 4).images;
    expect(larger.indexOf(1)).toBe(60);
  });

  it("mirrors with the probability that is asked for", () => {
    const left = Float32Array.from({ length: 400 * 81 }, (_, i) => (i % 81 === 36 ? 1 : 0));
    const { images } = change({ flip: { horizontal: 0.25 } }, left, 5);
    let mirrored = 0;
    for (let n = 0; n < 400; n++) mirrored += images[n * 81 + 44];
    expect(mirrored).toBeGreaterThan(70);
    expect(mirrored).toBeLessThan(130);
  });

  it("turns masks with their images, at the same angle and place", () => {
    const sizes = [16, 16];
    const labels = Int32Array.from({ length: 256 }, (_, i) => Number(i % 16 > 8 && i > 96));
    const images = Float32Array.from(labels);
    const options = {
      rotate: 180,
      translate: 3,
      subpixel: true,
      crop: [0.6, 1],
      flip: { vertical: 0.5 },
    } as const;
    const moved = augmenter(options)({ images, labels }, [...sizes, 1], new Random(6), 2);
    const differing = moved.images.filter((value, i) => Math.abs(value - moved.labels[i]) > 0.76);
    expect(differing).toHaveLength(0);
    expect(moved.labels).not.toEqual(labels);
  });

  it("moves volumes, too", () => {
    const volume = Float32Array.from({ length: 7 ** 3 }, (_, i) => (i === 171 ? 1 : 0));
    const { images } = change(
      { translate: 1, flip: { depth: 1, horizontal: 0.5 }, rotate: 90, scale: [1, 1.2] },
      volume,
      7,
      [7, 7, 7, 1],
    );
    expect(images.length).toBe(343);
    expect(images.reduce((a, b) => a + b, 0)).toBeGreaterThan(0.5);
  });

  it("fills and interpolates as it is told", () => {
    const bright = new Float32Array(81).fill(1);
    const dark = change({ rotate: 45 }, bright, 8).images;
    expect(Math.min(...dark)).toBe(0);
    for (const fill of ["reflect", "replicate", 1] as const) {
      expect(Math.min(...change({ rotate: 45, fill }, bright, 8).images)).toBeGreaterThan(0.999);
    }
    const nearest = change({ rotate: 45, interpolation: "nearest" }, dots(1), 9).images;
    expect([...new Set(nearest)].sort()).toEqual([0, 1]);
  });

  it("reads smooth images better by cubics than linearly, and those worse than not at all", () => {
    const wave = Float32Array.from(
      { length: 32 * 32 },
      (_, i) => Math.sin((i % 32) * 0.7) + Math.cos((i / 32) * 0.5),
    );
    const error = (interpolation: "nearest" | "linear" | "cubic"): number => {
      const options = { interpolation, fill: "reflect" } as const;
      const there = rotateImages(wave, [32, 32, 1], 30, options);
      const back = rotateImages(there, [32, 32, 1], -30, options);
      let sum = 0;
      for (let i = 0; i < back.length; i++) {
        if (Math.hypot(Math.floor(i / 32) - 15.5, (i % 32) - 15.5) < 10) sum += Math.abs(back[i] - wave[i]);
      }
      return sum;
    };
    expect(error("linear")).toBeLessThan(0.8 * error("nearest"));
    expect(error("cubic")).toBeLessThan(0.1 * error("linear"));
  });
});

describe("colours", () => {
  it("stay in [0, 1], and grey images stay grey", () => {
    const jitter = { colour: { brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.5 } };
    const { images } = change(jitter, colours(20), 1, [8, 8, 3]);
    expect(images.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(images).not.toEqual(colours(20));
    const grey = change({ colour: { grey: 1 } }, colours(1), 1, [8, 8, 3]).images;
    for (let i = 0; i < grey.length; i += 3) {
      expect(grey[i]).toBeCloseTo(grey[i + 1], 6);
      expect(grey[i]).toBeCloseTo(grey[i + 2], 6);
    }
    const again = change({ colour: { hue: 0.5, saturation: 0.9 } }, grey, 2, [8, 8, 3]).images;
    again.forEach((value, i) => {
      expect(value).toBeCloseTo(grey[i], 5);
    });
  });

  it("turn red to green by a third of the circle, and back by the rest", () => {
    const red = Float32Array.of(1, 0, 0);
    const hues = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const { images } = change({ colour: { hue: 0.5 } }, red, seed, [1, 1, 3]);
      expect(Math.max(...images)).toBeCloseTo(1, 6);
      expect(Math.min(...images)).toBeCloseTo(0, 6);
      hues.add(String(images.indexOf(Math.max(...images))));
    }
    expect([...hues].sort()).toEqual(["0", "1", "2"]);
  });
});

describe("blur and erasing", () => {
  it("blur keeps the mean and lowers the peak", () => {
    const { images } = change({ blur: { probability: 1, sigma: [1, 1] } }, dots(1), 1);
    expect(images.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 3);
    expect(images[40]).toBeCloseTo(1 / (2 * Math.PI), 1);
  });

  it("erases one box of the share that is asked for", () => {
    const ones = new Float32Array(32 * 32).fill(1);
    const { images } = change(
      { erase: { probability: 1, area: [0.2, 0.3], value: 0 } },
      ones,
      1,
      [32, 32, 1],
    );
    const erased = images.filter((value) => value === 0).length / 1024;
    expect(erased).toBeGreaterThan(0.15);
    expect(erased).toBeLessThan(0.35);
  });
});

describe("mixing", () => {
  const batch = () => ({
    images: Float32Array.from({ length: 6 * 64 }, (_, i) => Math.floor(i / 64)),
    labels: Int32Array.of(0, 1, 2, 0, 1, 2),
  });

  it.each([{ mixup: 0.4 }, { cutmix: 1 }, { mixup: 1, cutmix: 1 }])(
    "%j gives shares that add up to 1",
    (options) => {
      for (let seed = 0; seed < 20; seed++) {
        const { images, shares } = augmenter(options)(batch(), [8, 8, 1], new Random(seed), 3);
        const each = shares as Float32Array;
        for (let n = 0; n < 6; n++) {
          const row = each.subarray(n * 3, n * 3 + 3);
          expect(row[0] + row[1] + row[2]).toBeCloseTo(1, 5);
          // The image is mixed in proportion to its shares, unless its partner has the same class.
          const mean = images.subarray(n * 64, (n + 1) * 64).reduce((a, b) => a + b, 0) / 64;
          const own = row[n % 3];
          if (own < 0.999) expect(Math.abs(mean - n)).toBeGreaterThan(0);
        }
      }
    },
  );

  it("refuses masks", () => {
    const masks = { images: new Float32Array(64), labels: new Int32Array(64) };
    expect(() => augmenter({ mixup: 1 })(masks, [8, 8, 1], new Random(1), 2)).toThrow("not for masks");
  });
});

describe("augmenter", () => {
  it("is the same for the same random state, and nothing without options", () => {
    const options = { translate: 1, scale: [0.9, 1.1], blur: { probability: 0.5 } } as const;
    expect(change(options, dots(5), 7)).toEqual(change(options, dots(5), 7));
    const batch = dots(1);
    expect(change({}, batch, 7).images).toBe(batch);
  });

  it("standardises before it fills, so that zeros are the mean", () => {
    const normalization = { mean: [0.5], std: [0.25] };
    const examples = { images: new Float32Array(81).fill(0.5), labels: Int32Array.of(0) };
    const { images } = augmenter({ rotate: 45 }, normalization)(examples, shape, new Random(1), 2);
    expect(images.every((value) => value === 0)).toBe(true);
  });

  it("never changes its arguments", () => {
    const options = fc.record({
      translate: fc.integer({ min: 0, max: 3 }),
      rotate: fc.constantFrom(0, 30),
      crop: fc.constantFrom(undefined, [0.5, 1] as const),
      blur: fc.constantFrom(undefined, { probability: 0.5 }),
      erase: fc.constantFrom(undefined, { probability: 0.5 }),
      colour: fc.constantFrom(undefined, { brightness: 0.4, contrast: 0.4 }),
      mixup: fc.constantFrom(0, 0.3),
    });
    fc.assert(
      fc.property(options, fc.nat(), (given, seed) => {
        const batch = dots(4);
        const { images } = change(given, batch, seed);
        expect(batch).toEqual(dots(4));
        expect(images.length).toBe(batch.length);
        expect(images.every(Number.isFinite)).toBe(true);
      }),
    );
  });

  it.each<[AugmentOptions, string]>([
    [{ translate: 1.5 }, "translate 1.5, expected an integer"],
    [{ translate: -1, subpixel: true }, "translate -1"],
    [{ scale: [1.2, 0.8] }, "scale [1.2, 0.8]"],
    [{ scale: [0, 1] }, "scale [0, 1]"],
    [{ crop: [0.5, 2] }, "crop [0.5, 2], expected shares of at most 1"],
    [{ rotate: -5 }, "rotate -5, expected degrees of at least 0"],
    [{ flip: { horizontal: 2 } }, "flip.horizontal must lie in [0, 1], got 2"],
    [{ colour: { hue: 0.7 } }, "colour.hue must be at most 0.5"],
    [{ colour: { brightness: -1 } }, "colour.brightness must be a number of at least 0"],
    [{ blur: { probability: 1, kernelSize: 4 } }, "blur.kernelSize must be odd, got 4"],
    [{ erase: { probability: 1, area: [0.5, 1.5] } }, "erase.area [0.5,1.5], expected shares of at most 1"],
    [{ mixup: -1 }, "mixup must be a number of at least 0"],
  ])("refuses %j", (options, message) => {
    expect(() => augmenter(options)).toThrow(message);
  });

  it("names images that colours are not for", () => {
    expect(() => change({ colour: { hue: 0.1 } }, dots(1), 1)).toThrow(
      "saturation, hue and grey are for images of 3 channels, got 1",
    );
  });
});
