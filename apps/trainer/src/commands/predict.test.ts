// Trained networks used on files, as a user does.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { decodeMask } from "@gmr-conv/data/node";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { gmr, gmrProcess, temporaryFolder } from "../../testing/cli.ts";
import { discs, put, trainOnDiscs } from "../../testing/discs.ts";

/** A dark ball in noise, [side, side, side] with its mask. */
function ball(side: number, [z, y, x]: number[], radius: number) {
  const mask = Uint8Array.from({ length: side ** 3 }, (_, i) => {
    const place = [Math.floor(i / side ** 2) - z, (Math.floor(i / side) % side) - y, (i % side) - x];
    return Number(Math.hypot(...place) <= radius);
  });
  return { voxels: mask.map((inside, i) => (inside ? 40 : 190) + ((i * 7919) % 41)), mask };
}

/** A TIFF of square pages. */
async function putPages(file: string, voxels: Uint8Array, side: number): Promise<void> {
  mkdirSync(path.dirname(file), { recursive: true });
  const raw = { width: side, height: voxels.length / side, channels: 1, pageHeight: side } as const;
  await sharp(voxels, { raw }).toColourspace("b-w").tiff({ compression: "deflate" }).toFile(file);
}

const root = temporaryFolder();
const runs = path.join(root, "runs");

describe("gmr predict", () => {
  beforeAll(async () => {
    await trainOnDiscs(root);
  }, 240_000);

  it("classifies files and folders, as CSV and JSON, with the same answer for turned files", async () => {
    const upright = path.join(root, "classes", "large", "3.png");
    const turned = path.join(root, "turned.png");
    await sharp(upright).rotate(90).toColourspace("b-w").toFile(turned);
    const { code, stdout } = await gmr(["predict", path.join(runs, "c"), upright, turned, "--top", "2"]);
    expect(code).toBe(0);
    const [head, first, second] = stdout.trim().split(/\r?\n/);
    expect(head).toBe("file,class,probability,class2,probability2");
    expect(first).toMatch(RegExp(`^${upright},large,[01]`));
    expect(second.split(",").slice(1, 2)).toEqual(first.split(",").slice(1, 2));
    expect(Number(second.split(",")[2])).toBeCloseTo(Number(first.split(",")[2]), 4);

    const output = path.join(root, "answers.json");
    const all = await gmr(["predict", path.join(runs, "c"), path.join(root, "classes"), "--output", output]);
    expect([all.code, all.stdout]).toEqual([0, ""]);
    const rows = JSON.parse(readFileSync(output, "utf8")) as { file: string; class: string }[];
    expect(rows).toHaveLength(48);
    const right = rows.filter((row) => path.basename(path.dirname(row.file)) === row.class);
    expect(right.length).toBeGreaterThan(44);
  });

  it("skips damaged files if allowed, and exits with code 2", async () => {
    const bad = path.join(root, "mixed", "bad.png");
    await put(path.join(root, "mixed", "good.png"), discs(16, 16, [[8, 8, 5]]).pixels, 16);
    writeFileSync(bad, "no image");
    const predict = ["predict", path.join(runs, "c"), path.join(root, "mixed")];
    const strict = await gmr(predict);
    expect([strict.code, strict.stdout]).toEqual([1, ""]);
    expect(strict.stderr).toMatch(RegExp(`^gmr: ${bad}: not an image, or a damaged one`));
    const lenient = await gmrProcess([...predict, "--skip-damaged"]);
    expect(lenient.code).toBe(2);
    expect(lenient.stdout).toContain("good.png,large");
    expect(lenient.stderr).toContain(`left out: ${bad}`);
    const none = await gmr(["predict", path.join(runs, "c"), bad, "--skip-damaged"]);
    expect([none.code, none.stderr.includes("none of the files could be read")]).toEqual([1, true]);
  });

  it("reads with a network that comes with the package, by its name", async () => {
    const digit = path.join(root, "digit.png");
    const { pixels } = discs(28, 28, [[14, 14, 6]]);
    await put(digit, pixels, 28);
    const { code, stdout } = await gmr(["predict", "gmr-mnist", digit, "--format", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)[0]).toMatchObject({ file: digit, class: expect.stringMatching(/^\d$/) });
  });

  it("segments images of any size by tiles, of 8 and 16 bit alike, and writes masks", async () => {
    const places: [number, number, number][] = [];
    for (let y = 12; y < 190; y += 24)
      for (let x = 12; x < 140; x += 22) places.push([y, x, 3 + ((x + y) % 4)]);
    const { pixels, mask } = discs(201, 149, places, 5);
    const shallow = path.join(root, "large", "shallow.png");
    const deep = path.join(root, "large", "deep.tiff");
    await put(shallow, pixels, 149);
    // The same image by percentiles, in a part of what 16 bit hold.
    await put(
      deep,
      Uint16Array.from(pixels, (value) => 1000 + 37 * value),
      149,
    );
    const masks = path.join(root, "found");
    const predict = ["predict", path.join(runs, "s"), shallow, deep, "--masks", masks];
    const { code, stdout, stderr } = await gmr([...predict, "--mask-format", "tiff", "--tile", "48"]);
    expect([code, stderr]).toEqual([0, ""]);
    const [head, row] = stdout.trim().split(/\r?\n/);
    expect(head).toBe("file,mask,background,class 1");
    const found = await decodeMask(path.join(masks, "shallow.tiff"));
    expect(found.shape).toEqual([201, 149]);
    const dice = (labels: ArrayLike<number>): number => {
      let [both, sum] = [0, 0];
      mask.forEach((label, i) => {
        both += label * labels[i];
        sum += label + labels[i];
      });
      return (2 * both) / sum;
    };
    expect(dice(found.data)).toBeGreaterThan(0.8);
    expect(dice((await decodeMask(path.join(masks, "deep.tiff"))).data)).toBeGreaterThan(0.8);
    const share = found.data.reduce((sum, label) => sum + label, 0) / found.data.length;
    expect(Number(row.split(",")[3])).toBeCloseTo(share, 5);

    const flips = await gmr([...predict, "--views", "all", "--overlap", "12"]);
    expect(flips.code).toBe(0);
    expect(dice((await decodeMask(path.join(masks, "shallow.png"))).data)).toBeGreaterThan(0.8);
    const empty = await gmr([...predict, "--tile", "32", "--overlap", "16"]);
    expect([empty.code, empty.stderr]).toEqual([
      1,
      expect.stringContaining("overlap 16: tiles of 32×32 leave nothing in their middle"),
    ]);
    expect(existsSync(path.join(masks, "shallow.png"))).toBe(true);
  });

  it("lays masks as their images lie, and never one over another", async () => {
    const [a, b] = ["a", "b"].map((folder) => path.join(root, "nested", folder, "cell.png"));
    for (const file of [a, b]) await put(file, discs(32, 32, [[16, 16, 5]]).pixels, 32);
    const masks = path.join(root, "nested-masks");
    const predict = (...inputs: string[]) =>
      gmr(["predict", path.join(runs, "s"), ...inputs, "--masks", masks]);
    const both = await predict(a, b);
    expect([both.code, both.stderr]).toEqual([
      1,
      `gmr: the masks of ${a} and ${b} would both be ${path.join(masks, "cell.png")}\n`,
    ]);
    expect((await predict(path.join(root, "nested"))).code).toBe(0);
    for (const folder of ["a", "b"]) expect(existsSync(path.join(masks, folder, "cell.png"))).toBe(true);
  });

  it("segments volumes, and writes masks as these come", async () => {
    const folder = path.join(root, "volumes");
    for (let i = 0; i < 6; i++) {
      const { voxels, mask } = ball(12, [4 + (i % 4), 6, 5 + (i % 3)], 3);
      await putPages(path.join(folder, "images", `${i}.tiff`), voxels, 12);
      await putPages(path.join(folder, "masks", `${i}.tiff`), mask, 12);
    }
    const small = [
      "--set",
      'networks=[{"name":"gmr","model":{"name":"gmr-unet","levels":1,"features":[6,12,6],"kernelSizes":[3,3]}}]',
    ];
    const of = ["--dataset", "masks", "--folder", folder, "--epochs", "60", "--batch-size", "2", ...small];
    const trained = await gmr(["train", "--runs", runs, "--name", "v", ...of]);
    expect([trained.code, trained.code === 0 ? "" : trained.stderr]).toEqual([0, ""]);

    const { voxels, mask } = ball(20, [12, 9, 11], 3);
    const file = path.join(root, "scans", "large.tiff");
    await putPages(file, voxels, 20);
    const masks = path.join(root, "volume-masks");
    const predict = ["predict", path.join(runs, "v"), file, "--masks", masks];
    const { code, stdout, stderr } = await gmr([...predict, "--tile", "16"]);
    expect([code, stderr]).toEqual([0, ""]);
    const found = await decodeMask(path.join(masks, "large.tiff"), true);
    expect(found.shape).toEqual([20, 20, 20]);
    const both = mask.reduce((sum, label, i) => sum + label * found.data[i], 0);
    const all = mask.reduce((sum, label, i) => sum + label + found.data[i], 0);
    expect((2 * both) / all).toBeGreaterThan(0.8);
    expect(stdout).toContain(path.join(masks, "large.tiff"));

    const averaged = await gmr([...predict, "--views", "all"]);
    expect(averaged.stderr).toContain("is for volumes: --views all is for images");
    const exported = await gmr(["export", "web", path.join(runs, "v"), path.join(root, "page")]);
    expect([exported.code, exported.stderr]).toEqual([
      1,
      expect.stringContaining("is for volumes [12,12,12,1]"),
    ]);
    const flat = await gmr(["predict", path.join(runs, "v"), path.join(root, "classes", "large", "3.png")]);
    expect([flat.code, flat.stderr]).toEqual([
      1,
      expect.stringContaining("3.png is an image, the network takes volumes"),
    ]);
  });

  it("names networks that there are not", async () => {
    const file = path.join(root, "classes", "large", "3.png");
    const named = await gmr(["predict", path.join(runs, "c"), file, "--network", "dense"]);
    expect(named.stderr).toContain('has no network "dense", expected one of gmr');
    const nowhere = await gmr(["predict", path.join(root, "nowhere"), file]);
    expect(nowhere.stderr).toMatch(/nowhere: expected the folder of a run, such as .*gmr-mnist/);
  });
});
