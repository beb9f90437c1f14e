// Runs as a user starts, stops and continues them.

import { existsSync, readFileSync, truncateSync } from "node:fs";
import path from "node:path";
import { readSafetensors } from "@gmr-conv/io";
import { describe, expect, it, vi } from "vitest";
import { gmr, gmrProcess, temporaryFolder } from "../testing/cli.ts";
import { putMnist } from "../testing/mnist.ts";
import { works } from "../testing/works.ts";

const data = path.join(temporaryFolder(), "data");
putMnist(data);
const small = ["--folder", data, "--limit", "640", "--batch-size", "32", "--epochs", "1"];

delete process.env.GMR_THREADS; // as many threads as the machine has

describe.skipIf(!works("node"))("a run on the native library", () => {
  it("computes with the threads that were asked for, one network after the other", async () => {
    const runs = temporaryFolder();
    const train = `train --runs ${runs} --name native --backend node --networks gmr,dense --epochs 1 --limit 320 --folder ${data}`;
    vi.stubEnv("GMR_THREADS", "1");
    const trained = await gmrProcess([...train.split(" "), "--batch-size", "32"]);
    const evaluated = await gmrProcess(
      `eval --runs ${runs} --name native --rotations 90 --test-limit 40`.split(" "),
    );
    vi.unstubAllEnvs();
    expect([trained.code, evaluated.code]).toEqual([0, 0]);
    const report = JSON.parse(readFileSync(path.join(runs, "native", "report.json"), "utf8"));
    expect(report.environment).toMatchObject({ backend: "node", threads: 1 });
    expect(report.networks.map(({ name }: { name: string }) => name)).toEqual(["gmr", "dense"]);
  });

  it("names an invalid number of threads", async () => {
    vi.stubEnv("GMR_THREADS", "many");
    const { code, stderr } = await gmrProcess([
      "train",
      "--runs",
      temporaryFolder(),
      "--backend",
      "node",
      ...small,
    ]);
    vi.unstubAllEnvs();
    expect(code).toBe(1);
    expect(stderr).toContain('GMR_THREADS must be a positive integer, got "many"');
  });
});

describe("a run", () => {
  it("trains both networks, evaluates them and writes a report", async () => {
    const runs = temporaryFolder();
    const { code, stdout } = await gmr(
      `quickstart --runs ${runs} --limit 320 --epochs 1 --test-limit 40`.split(" "),
    );
    expect(code).toBe(0);
    expect(stdout).toContain("upright, all");
    expect(stdout).toContain(path.join(runs, "quickstart", "report.html"));
    const html = readFileSync(path.join(runs, "quickstart", "report.html"), "utf8");
    expect(html).toContain("GMR-ResNet");
    expect(html).toContain("Dense twin");
    const report = JSON.parse(readFileSync(path.join(runs, "quickstart", "report.json"), "utf8"));
    expect(report.networks.map((n: { name: string }) => n.name)).toEqual(["gmr", "dense"]);
    for (const network of report.networks) {
      expect(network.angles).toHaveLength(36);
      expect(network.history.length).toBeGreaterThan(0);
      expect(network.kernels.length).toBeGreaterThan(0);
    }
    // Exact symmetry: quarter turns and mirrors read like upright.
    const [gmrNetwork] = report.networks;
    const at = (angle: number): number =>
      gmrNetwork.angles.find((entry: { angle: number }) => entry.angle === angle).score;
    const flips = gmrNetwork.flips.map(({ score }: { score: number }) => score);
    expect([at(90), at(180), at(270), ...flips]).toEqual(new Array(5).fill(at(0)));
  }, 300_000);

  const settings: [name: string, signal: NodeJS.Signals, steps: number, more: string[]][] = [
    ["by default, at Ctrl-C", "SIGINT", 40, []],
    [
      "with averages, when the terminal is closed",
      "SIGHUP",
      40,
      ["--ema", "0.9", "--clip-norm", "1", "--checkpoint-stages"],
    ],
  ];
  const native = works("node");
  settings.push([
    native ? "on the native library, at kill" : "at kill",
    "SIGTERM",
    40,
    native ? ["--backend", "node"] : [],
  ]);
  it.each(settings)(
    "stops with a checkpoint and continues from it to exactly the same weights: %s",
    async (_name, signal, total, more) => {
      const runs = temporaryFolder();
      const limit = String(16 * total);
      const train = [
        "train",
        "--runs",
        runs,
        "--networks",
        "gmr",
        "--folder",
        data,
        "--limit",
        limit,
        "--batch-size",
        "32",
        "--epochs",
        "2",
        ...more,
      ];
      const metrics = path.join(runs, "stopped", "metrics.jsonl");
      const stopped = await gmrProcess([...train, "--name", "stopped"], (child) => {
        const watch = setInterval(() => {
          if (!existsSync(metrics) || readFileSync(metrics).length === 0) return;
          clearInterval(watch);
          child.kill(signal);
        }, 20);
      });
      expect(stopped.code).toBe(130);
      expect(stopped.stderr).toMatch(
        RegExp(`stopped at step \\d+ of ${total}; checkpoint: .*gmr\\.checkpoint\\.safetensors`),
      );

      // The native library computes in a process of its own: it keeps its threads.
      const again = more.includes("node") ? gmrProcess : gmr;
      expect((await again([...train, "--name", "stopped", "--resume"])).code).toBe(0);
      expect((await again([...train, "--name", "straight"])).code).toBe(0);
      const [resumed, straight] = ["stopped", "straight"].map((name) =>
        readSafetensors(readFileSync(path.join(runs, name, "gmr.checkpoint.safetensors"))),
      );
      expect(JSON.parse(resumed.metadata.position).step).toBe(total);
      expect(resumed.tensors).toEqual(straight.tensors);
      expect(resumed.tensors.has("average/steps")).toBe(more.includes("--ema"));
      const steps = readFileSync(path.join(runs, "stopped", "metrics.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ type, network }) => type === "progress" && network === "gmr")
        .map(({ step }) => step);
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
      expect(steps.at(-1)).toBe(total);

      const other = await gmr([...train, "--name", "stopped", "--resume", "--seed", "2"]);
      expect(other.code).toBe(1);
      expect(other.stderr).toContain("was started with other settings (networks.0.train.seed was 1, now 2)");
    },
    300_000,
  );

  it("never starts over a trained run unasked, and gives a finished one more epochs", async () => {
    const runs = temporaryFolder();
    const checkpoint = path.join(runs, "mine", "gmr.checkpoint.safetensors");
    const train = ["train", "--runs", runs, "--name", "mine", "--networks", "gmr"];
    const size = ["--depths", "1,1", "--widths", "4,4", "--kernel-sizes", "3,3", "--limit", "320"];
    const own = ["--folder", data];
    const first = [...train, ...size, ...own, "--batch-size", "32", "--epochs", "1"];
    expect((await gmr(first)).code).toBe(0);
    const trained = readFileSync(checkpoint);

    for (const again of [first, [...first, "--epochs", "2"], train]) {
      const { code, stderr } = await gmr(again);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /mine has a trained run \(.*gmr\..*, metrics\.jsonl.*\): add --resume .*--overwrite .*another --name/,
      );
      expect(readFileSync(checkpoint)).toEqual(trained);
    }
    const both = await gmr([...train, "--resume", "--overwrite"]);
    expect(both.stderr).toContain("--resume and --overwrite exclude each other");
    for (const [args, message] of [
      [["--widths", "4,4,4,4"], "widths must be a list with one entry"],
      [["--folder", "/nonexistent"], "/nonexistent"],
      [["--batch-size", "1", "--limit", "20"], "cannot train on one value per channel"],
      [["--label-smoothing", "2"], "Expected a number below 1"],
    ] as const) {
      const bad = await gmr([...train, "--overwrite", ...args]);
      expect(bad.stderr).toContain(message);
      expect(readFileSync(checkpoint)).toEqual(trained);
    }

    // The run's own settings hold where the command line says nothing else.
    const done = await gmr([...train, "--resume"]);
    expect(done.code).toBe(0);
    expect(done.stderr + done.stdout).toContain("GMR-ResNet: trained for all of its 1 epochs");
    const fewer = await gmr([...train, "--resume", "--batch-size", "64", "--learning-rate", "0.1"]);
    expect(fewer.code).toBe(1);
    expect(fewer.stderr).toContain(
      "(networks.0.train.batchSize was 32, now 64; networks.0.train.optimizer.learningRate was 0.008, now 0.1)",
    );
    const step = () => JSON.parse(readSafetensors(readFileSync(checkpoint)).metadata.position).step;
    expect(step()).toBe(10);
    expect((await gmr([...train, "--resume", "--epochs", "3"])).code).toBe(0);
    expect(step()).toBe(30);
    const shorter = await gmr([...train, "--resume", "--epochs", "2"]);
    expect(shorter.stderr).toContain("networks.0.train.epochs was 3, now 2");

    expect((await gmr([...first, "--overwrite"])).code).toBe(0);
    const [before, again] = [trained, readFileSync(checkpoint)].map((bytes) => readSafetensors(bytes));
    expect(again.tensors).toEqual(before.tensors);
  }, 300_000);

  it("says why one image a step cannot train", async () => {
    const runs = temporaryFolder();
    const { code, stderr } = await gmr([
      "train",
      "--runs",
      runs,
      ...small,
      "--limit",
      "64",
      "--batch-size",
      "1",
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /layer head_norm cannot train on one value per channel, got \[1,40\]: .*batches of more/,
    );
    // Nothing was trained, so nothing is lost by the next attempt.
    expect((await gmr(["train", "--runs", runs, ...small, "--limit", "96"])).code).toBe(0);
  }, 300_000);

  it("names a damaged checkpoint", async () => {
    const runs = temporaryFolder();
    const args = ["train", "--runs", runs, ...small, "--limit", "96"];
    expect((await gmr(args)).code).toBe(0);
    truncateSync(path.join(runs, "train", "gmr.checkpoint.safetensors"), 5000);
    const { code, stderr } = await gmr(["eval", "--runs", runs]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^gmr: .*gmr\.checkpoint\.safetensors: the header claims/m);
  }, 300_000);
});
