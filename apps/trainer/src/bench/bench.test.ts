// The built command, on networks so small that nothing but the format of the answers counts.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { gmr, temporaryFolder } from "../../testing/cli.ts";

const layers = "bench layers --kernel-sizes 3 --shape 1,6,6,4 --filters 4 --repeat 1".split(" ");
const network =
  "bench network --batch-size 2 --image-size 8 --widths 4,8 --depths 1,1 --kernel-sizes 5,3 --classes 3 --repeat 1".split(
    " ",
  );

const objects = (stdout: string) =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("bench learning", () => {
  it("prints a row for each network, the dense one first", async () => {
    const args = "bench learning --images 64 --epochs 1 --seeds 1 --kernel-sizes 3".split(" ");
    const json = await gmr([...args, "--json"]);
    expect([json.code, json.stderr]).toEqual([0, ""]);
    const all = objects(json.stdout);
    expect(all.map(({ ringBasis, parameters }) => [ringBasis, parameters])).toEqual([
      [undefined, 65162],
      ["rings", 5920],
      ["halfWhite", 5920],
      ["white", 5920],
    ]);
    for (const { training, heldOut, turned, seconds } of all) {
      for (const share of [training, heldOut, turned]) expect(share).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThan(0);
    }
    const { stdout } = await gmr(args);
    expect(stdout).toMatch(/halfWhite\s*│ 3/);
  });
});

describe("bench network", () => {
  it("prints one JSON object per implementation and pass, and continues without a peer", async () => {
    const args = [...network, "--json", "--threads", "1", "--peers", "no-such-python"];
    const { code, stdout, stderr } = await gmr(args);
    expect(code).toBe(0);
    expect(stderr).toBe("gmr: PyTorch is left out: no-such-python: no such file or folder\n");
    const all = objects(stdout);
    expect(all.slice(4).map(({ kind, of, peer, pass }) => [kind, of, peer, pass])).toEqual([
      ["ratio", "network", "dense", "train-step"],
      ["ratio", "network", "dense", "inference"],
    ]);
    const lines = all.slice(0, 4);
    expect(lines.map(({ impl, pass }) => [impl, pass])).toEqual([
      ["gmr", "train-step"],
      ["dense", "train-step"],
      ["gmr", "inference"],
      ["dense", "inference"],
    ]);
    for (const { ms, peakMB, ...rest } of lines) {
      expect(ms).toBeGreaterThan(0);
      expect(peakMB).toBeGreaterThan(30);
      expect(rest).toEqual({
        kind: "network",
        model: "resnet6",
        backend: "wasm",
        threads: 1,
        impl: expect.any(String),
        pass: expect.any(String),
        batch: 2,
      });
    }
  });

  it("prints a table, also on another backend", async () => {
    const { code, stdout } = await gmr([...network, "--impl", "gmr", "--backend", "cpu"]);
    expect(code).toBe(0);
    expect(stdout).toContain("resnet6, batch of 2");
    expect(stdout).toMatch(/inference\s*│ gmr\s*│ cpu/);
    expect(stdout).not.toContain("dense");
  });

  it("profiles a training step, 100 % in all", async () => {
    const { code, stdout } = await gmr([...network, "--impl", "gmr", "--profile", "--json"]);
    expect(code).toBe(0);
    const ops = objects(stdout);
    for (const op of ops) {
      expect(op).toMatchObject({
        kind: "profile",
        model: "resnet6",
        impl: "gmr",
        pass: "train-step",
        batch: 2,
      });
    }
    expect(ops.map(({ op }) => op)).toEqual(expect.arrayContaining(["RingConv", "(outside kernels)"]));
    expect(ops.reduce((sum, { percent }) => sum + percent, 0)).toBeCloseTo(100, 0);
  });
});

describe("bench layers", () => {
  it("writes a chart", async () => {
    const file = path.join(temporaryFolder(), "layers.svg");
    const { code, stdout } = await gmr([...layers, "--svg", file]);
    expect(code).toBe(0);
    expect(stdout).toContain("dense / GMR");
    expect(readFileSync(file, "utf8")).toContain("Time of a convolution over its kernel size");
  });

  it("measures channels by themselves against the stock depthwise convolution", async () => {
    const { code, stdout } = await gmr([...layers, "--groups", "4"]);
    expect(code).toBe(0);
    expect(stdout).toContain("4 → 4 channels, groups = 4");
    expect(stdout).toContain("depthwise / GMR");
  });

  it("continues without missing peers", async () => {
    const { code, stdout, stderr } = await gmr([...layers, "--json", "--peers", process.execPath]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^gmr: PyTorch is left out: /m);
    expect(objects(stdout).filter(({ kind }) => kind === "ratio").length).toBeGreaterThanOrEqual(2);
  });
});

describe("bad input: one line that names the value, exit code 1", () => {
  const folder = temporaryFolder();
  it.each([
    ["stages that differ", [...network, "--widths", "4"], "widths must be a list with one entry for each of"],
    ["implementation", [...network, "--impl", "gmr,cnn"], "'gmr,cnn' is invalid"],
    ["even kernel", [...network, "--kernel-sizes", "4,3"], "must be odd, got 4"],
    ["groups", [...layers, "--groups", "2"], "groups must be 1 or the 4 channels, got 2"],
    [
      "filters of groups",
      [...layers, "--groups", "4", "--filters", "6"],
      "must be a multiple of the 4 groups, got 6",
    ],
    [
      "network to compare",
      "bench models --peers --only ^dense".split(" "),
      "--only must match a GMR network, got /^dense/",
    ],
    ["builds of a backend", [...network, "--both-builds", "--backend", "cpu"], "not those of cpu"],
    ["threads", [...network, "--threads", "0"], "'0' is invalid"],
    ["folder of the chart", [...layers, "--svg", path.join(folder, "no", "a.svg")], "cannot write"],
  ])("%s", async (_name, args, message) => {
    const { code, stdout, stderr } = await gmr(args);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    const lines = stderr.trim().split("\n");
    expect(lines.filter((line) => !line.startsWith("("))).toHaveLength(1);
    expect(existsSync(path.join(folder, "no"))).toBe(false);
  });
});
