import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../testing/cli.ts";
import { appendMetric, dropMetricsAfter, readMetrics } from "./metrics.ts";
import { RunFolder } from "./runFolder.ts";

const metric = (network: string, step: number, loss = 1) => ({
  type: "progress" as const,
  network,
  step,
  epoch: 0,
  loss,
  accuracy: 0.5,
  learningRate: 0.1,
  seconds: step,
  imagesPerSecond: 100,
  waiting: 0,
});

describe("RunFolder", () => {
  it("keeps a file whole through kill -9 in the middle of writing", async () => {
    const folder = temporaryFolder();
    const module = new URL("../../dist/runs/runFolder.js", import.meta.url).href;
    const size = 16 << 20;
    const program = `
      const { RunFolder } = await import(${JSON.stringify(module)});
      const run = RunFolder.at(${JSON.stringify(folder)});
      for (let i = 1; ; i++) {
        run.write("checkpoint", new Uint8Array(${size}).fill(i));
        if (i === 1) console.log("ready");
      }`;
    for (let kill = 0; kill < 6; kill++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await new Promise((resolve) => setTimeout(resolve, 7 * kill));
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("close", resolve));
      const bytes = readFileSync(path.join(folder, "checkpoint"));
      expect(bytes.length).toBe(size);
      expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
    }
  });

  it("reads only what came last where training went back", async () => {
    const run = RunFolder.at(temporaryFolder());
    for (const [step, loss] of [
      [10, 1],
      [20, 2],
      [30, 3],
      [20, 4],
      [30, 5],
    ]) {
      await appendMetric(run, metric("a", step, loss));
    }
    expect((await readMetrics(run, "a")).map(({ loss }) => loss)).toEqual([1, 4, 5]);
  });

  it("drops what came after a checkpoint, and a line cut off by a crash", async () => {
    const run = RunFolder.at(temporaryFolder());
    for (const step of [10, 20, 30]) await appendMetric(run, metric("a", step));
    await appendMetric(run, metric("b", 30));
    run.write("metrics.jsonl", `${readFileSync(run.file("metrics.jsonl"), "utf8")}{"network":"a","st`);
    await dropMetricsAfter(run, "a", 20);
    expect((await readMetrics(run, "a")).map((m) => m.step)).toEqual([10, 20]);
    expect((await readMetrics(run, "b")).map((m) => m.step)).toEqual([30]);
  });

  it("adds a line of its own after one that could not be written", async () => {
    const run = RunFolder.at(temporaryFolder());
    await appendMetric(run, metric("a", 10));
    const before = readFileSync(run.file("metrics.jsonl"), "utf8");
    rmSync(run.file("metrics.jsonl"));
    mkdirSync(run.file("metrics.jsonl"));
    const message = `cannot write ${run.file("metrics.jsonl")}: it is a folder, expected a file`;
    await expect(appendMetric(run, metric("a", 20))).rejects.toThrow(message);
    rmSync(run.file("metrics.jsonl"), { recursive: true });
    run.write("metrics.jsonl", `${before}{"type":"progr`);
    for (const step of [30, 40]) await appendMetric(run, metric("a", step));
    expect((await readMetrics(run, "a")).map(({ step }) => step)).toEqual([10, 30, 40]);
  });

  it("names a file that is not JSON", async () => {
    const run = RunFolder.at(temporaryFolder());
    run.write("config.json", "{");
    await expect(run.readConfig()).rejects.toThrow(`${run.file("config.json")} is not JSON`);
  });
});
