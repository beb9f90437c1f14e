import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cifarRecord, concat, nifti, npy, npz, offCube } from "../testing/write.ts";
import { readCifar } from "./cifar.ts";
import { niftiMask, readNifti } from "./nifti.ts";
import { readNpy, readNpz } from "./npy.ts";
import { readOff } from "./off.ts";
import { voxelize } from "./voxelize.ts";

describe("readNpy", () => {
  const floats = npy(Float32Array.of(1, 2.5, -3, 4), [2, 2], "<f4");

  it("reads what NumPy writes, of either byte order", () => {
    expect(readNpy(floats)).toEqual({ shape: [2, 2], data: Float32Array.of(1, 2.5, -3, 4) });
    const big = new Uint8Array(new Int32Array([0x01020304]).buffer).reverse();
    expect(readNpy(npy(big, [1], ">i4")).data).toEqual(Int32Array.of(0x01020304));
    // A Buffer shares its memory with others, and its slices do not copy.
    const pooled = Buffer.from(new Uint8Array(1 + floats.length)).subarray(1);
    pooled.set(floats);
    expect(readNpy(pooled)).toEqual(readNpy(floats));
    expect(readNpy(npy(Uint8Array.of(7), [], "|u1"))).toEqual({ shape: [], data: Uint8Array.of(7) });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["another file", new TextEncoder().encode("PK\x03\x04 and so on"), /not a \.npy file/],
    ["a truncated body", floats.subarray(0, floats.length - 3), /truncated: .* expected .* for <f4 \[2,2\]/],
    ["a truncated header", floats.subarray(0, 40), /truncated header/],
    ["trailing bytes", concat(floats, Uint8Array.of(1)), /trailing bytes/],
    ["another type", npy(Float32Array.of(1), [1], "<U4"), /type "<U4", expected one of/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readNpy(bytes, "x.npy")).toThrow(message);
  });

  it("fails on any cut with a message that names the file", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: floats.length - 1 }), (length) => {
        expect(() => readNpy(floats.subarray(0, length), "x.npy")).toThrow(/^x\.npy: /);
      }),
    );
  });
});

describe("readNpz", () => {
  const archive = npz({ a: npy(Uint8Array.of(1, 2), [2], "|u1"), b: npy(Float32Array.of(3), [1], "<f4") });

  it("reads the arrays that are wanted", () => {
    expect([...readNpz(archive).keys()]).toEqual(["a", "b"]);
    expect(readNpz(archive, "x", ["b"]).get("b")?.data).toEqual(Float32Array.of(3));
    expect(() => readNpz(archive, "x.npz", ["c"])).toThrow("x.npz: no array c, it has a, b");
    expect(() => readNpz(Uint8Array.of(1, 2, 3), "x.npz")).toThrow(/x\.npz: not a \.npz archive/);
    expect(() => readNpz(archive.subarray(0, 60), "x.npz")).toThrow(/x\.npz: /);
  });
});

describe("readOff", () => {
  it.each([
    ["a separate line", "OFF\n8 6 0\n"],
    ["the header's line", "OFF 8 6 0\n"],
    ["the header's line, without a space", "OFF8 6 0\n"],
    ["comments around", "# a cube\nOFF # mesh\n8 6 12\n"],
  ])("reads counts on %s", (_, header) => {
    const { vertices, triangles } = readOff(offCube(2, header));
    expect([vertices.length, triangles.length]).toEqual([24, 36]);
    expect(Math.max(...vertices)).toBe(2);
  });

  it("reads colours as no faces", () => {
    const coloured = offCube().replace("4 0 1 3 2", "4 0 1 3 2 255 0 0");
    expect(readOff(coloured).triangles).toEqual(readOff(offCube()).triangles);
  });

  it.each([
    ["another file", "solid cube", 'begins with "solid cube"'],
    ["a truncated one", offCube().slice(0, 60), "truncated"],
    ["a word for a number", offCube().replace("-1 -1 1", "-1 x 1"), '"x", expected vertex'],
    ["an invalid vertex", offCube().replace("4 0 1 3 2", "4 0 1 3 9"), "face 0 names vertex 9 of 8"],
    ["no face", "OFF\n1 0 0\n0 0 0\n", "no triangles"],
  ])("refuses %s", (_, text, message) => {
    expect(() => readOff(text, "x.off")).toThrow(`x.off: ${message}`);
  });
});

/** A sphere of triangles. */
function sphere(steps: number) {
  const vertices: number[] = [];
  const triangles: number[] = [];
  for (let i = 0; i <= steps; i++) {
    for (let j = 0; j < 2 * steps; j++) {
      const [a, b] = [(Math.PI * i) / steps, (Math.PI * j) / steps];
      vertices.push(Math.sin(a) * Math.cos(b), Math.sin(a) * Math.sin(b), Math.cos(a));
      if (i === steps) continue;
      const next = (j + 1) % (2 * steps);
      const [p, q, r, s] = [i, i, i + 1, i + 1].map((row, k) => row * 2 * steps + (k % 2 === 0 ? j : next));
      triangles.push(p, q, r, q, s, r);
    }
  }
  return { vertices: Float64Array.from(vertices), triangles: Uint32Array.from(triangles) };
}

describe("voxelize", () => {
  const count = (grid: Uint8Array): number => grid.reduce((a, b) => a + b, 0);
  const radius = 33 / 2;

  it("marks a sphere's surface: every voxel that it crosses, and none that it does not", () => {
    const grid = voxelize(sphere(60));
    for (let at = 0; at < grid.length; at++) {
      const offsets = [at % 33, Math.floor(at / 33) % 33, Math.floor(at / 33 ** 2)].map(
        (i) => i + 0.5 - radius,
      );
      const near = Math.hypot(...offsets.map((o) => Math.max(0, Math.abs(o) - 0.5)));
      const far = Math.hypot(...offsets.map((o) => Math.abs(o) + 0.5));
      // The facets lie up to 0.03 voxels within the sphere.
      if (near > radius || far < radius - 0.05) expect(grid[at]).toBe(0);
      if (near < radius - 0.05 && far > radius) expect(grid[at]).toBe(1);
    }
  });

  it("fills a sphere's inside to its volume", () => {
    const solid = count(voxelize(sphere(40), { solid: true }));
    const surface = count(voxelize(sphere(40)));
    const volume = (4 / 3) * Math.PI * radius ** 3;
    // Half of the surface's voxels lie outside.
    expect(Math.abs(solid - surface / 2 - volume) / volume).toBeLessThan(0.02);
  });

  it("fits a cube into its box, or into a sphere so that it can be turned", () => {
    const cube = readOff(offCube());
    const box = voxelize(cube, { size: 17, fit: "box" });
    expect(count(box)).toBe(17 ** 3 - 15 ** 3);
    const inSphere = voxelize(cube, { size: 33 });
    const side = Math.round(33 / Math.sqrt(3));
    const occupied = Array.from(inSphere.keys()).filter((at) => inSphere[at] === 1);
    const extent = (of: (at: number) => number) =>
      Math.max(...occupied.map(of)) - Math.min(...occupied.map(of)) + 1;
    for (const of of [
      (at: number) => at % 33,
      (at: number) => Math.floor(at / 33) % 33,
      (at: number) => Math.floor(at / 33 ** 2),
    ]) {
      expect(Math.abs(extent(of) - side)).toBeLessThanOrEqual(2);
    }
  });

  it("is the same however a mesh is moved and scaled", () => {
    const { vertices, triangles } = sphere(8);
    const moved = vertices.map((value, i) => 7 * value + [100, -3, 0.5][i % 3]);
    expect(voxelize({ vertices: moved, triangles })).toEqual(voxelize({ vertices, triangles }));
  });

  it("marks a plane as one layer", () => {
    const square = {
      vertices: Float64Array.of(0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0),
      triangles: Uint32Array.of(0, 1, 2, 0, 2, 3),
    };
    const grid = voxelize(square, { size: 9, fit: "box" });
    expect(count(grid)).toBe(81);
    expect(count(grid.subarray(4 * 81, 5 * 81))).toBe(81);
  });

  it("refuses a point", () => {
    const point = { vertices: Float64Array.of(1, 1, 1), triangles: Uint32Array.of(0, 0, 0) };
    expect(() => voxelize(point)).toThrow("the mesh extends 0 from its centre");
  });
});

describe("readCifar", () => {
  it("turns planes into pixels and takes the last label", () => {
    const file = concat(cifarRecord([3, 77], [1, 2, 3]), cifarRecord([0, 5], [9, 8, 7]));
    const { images, labels } = readCifar(file, 2, 100);
    expect([...labels]).toEqual([77, 5]);
    expect([...images.subarray(0, 6), ...images.subarray(-3)]).toEqual([1, 2, 3, 1, 2, 3, 9, 8, 7]);
  });

  it.each([
    [
      "a truncated file",
      cifarRecord([1], [0, 0, 0]).subarray(0, 3000),
      "3000 bytes, expected a multiple of 3073",
    ],
    ["the other version", cifarRecord([1, 2], [0, 0, 0]), "3074 bytes, expected a multiple of 3073"],
    ["an empty file", new Uint8Array(0), "0 bytes"],
    ["an invalid label", cifarRecord([10], [0, 0, 0]), "label 10 of image 0, expected 0 to 9"],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readCifar(bytes, 1, 10, "x.bin")).toThrow(`x.bin: ${message}`);
  });
});

describe("niftiMask", () => {
  it("lies where the volume lies, in bytes as they are", () => {
    const volume = nifti(new Int16Array(24), [2, 3, 4], 0.5, -1);
    const mask = Uint8Array.from({ length: 24 }, (_, i) => i % 3);
    for (const like of [volume, gzipSync(volume)]) {
      const bytes = niftiMask(like, mask);
      expect(bytes.length).toBe(352 + 24);
      expect(readNifti(bytes)).toEqual({
        shape: [2, 3, 4, 1],
        data: Float32Array.from(mask),
        spacing: [2, 1, 0.5],
      });
    }
    // Of volumes over time, a mask for all of it.
    const moving = nifti(new Int16Array(48), [2, 3, 4]);
    new DataView(moving.buffer).setInt16(40, 4, true);
    new DataView(moving.buffer).setInt16(48, 2, true);
    expect(readNifti(moving).shape).toEqual([2, 3, 4, 2]);
    expect(readNifti(niftiMask(moving, mask)).shape).toEqual([2, 3, 4, 1]);
  });

  it("refuses masks of another size", () => {
    expect(() => niftiMask(nifti(new Int16Array(24), [2, 3, 4]), new Uint8Array(23))).toThrow(
      "mask must hold 24 numbers ([2,3,4]), got 23",
    );
  });
});

describe("readNifti", () => {
  const file = nifti(
    Int16Array.from({ length: 24 }, (_, i) => i),
    [2, 3, 4],
    0.5,
    -1,
  );

  it("reads slices, rows and columns, scaled, plain or gzip", () => {
    for (const bytes of [file, gzipSync(file)]) {
      const { shape, data, spacing } = readNifti(bytes);
      expect(shape).toEqual([2, 3, 4, 1]);
      expect([...data.subarray(0, 4)]).toEqual([-1, -0.5, 0, 0.5]);
      expect(spacing).toEqual([2, 1, 0.5]);
    }
  });

  it.each([
    ["a truncated file", file.subarray(0, file.length - 4), /^x\.nii: truncated: .* for \[2, 3, 4, 1\]/],
    ["another file", new TextEncoder().encode("{}".padEnd(400)), /^x\.nii: not a NIfTI file/],
    ["a damaged archive", gzipSync(file).subarray(0, 60), /^x\.nii: /],
    ["nothing", new Uint8Array(0), /^x\.nii: /],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readNifti(bytes, "x.nii")).toThrow(message);
  });
});
