// The command on several ranks, as users start it, against one process.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import {
  type Ended,
  findLaunchers,
  type Launcher,
  rankProcesses,
  runRanks,
} from "../../../../tooling/testing/mpi.ts";
import { gmr, temporaryFolder } from "../../testing/cli.ts";
import { CLI, difference, newest, trainArgs } from "../../testing/ranks.ts";
import { works } from "../../testing/works.ts";

const [launcher] = findLaunchers();
type During = Parameters<typeof runRanks>[3] extends { during?: infer D } | undefined ? D : never;

function together(ranks: number, args: string[], during?: During): Promise<Ended> {
  const all = [CLI, ...args, "--distributed", "mpi"];
  const env = { GMR_THREADS: "1" };
  return runRanks(launcher as Launcher, ranks, all, during ? { env, during } : { env });
}

/** What gmr itself says of an error, once each time. */
const said = ({ stderr }: Ended): string[] => stderr.match(/^(rank \d of \d: )?gmr: .*$/gm) ?? [];

const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
};

const linux = process.platform === "linux";
if (!linux)
  console.warn("Single ranks are not stopped or led astray here: their processes are found in Linux' /proc.");

describe.skipIf(!launcher)("gmr on several ranks", () => {
  it("trains, evaluates and predicts what one process does", async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()];
    const evaluate = (runs: string): string[] =>
      `eval --runs ${runs} --name run --rotations 90 --test-limit 30 --json`.split(" ");
    const alone = await gmr(trainArgs(one, 1));
    const trained = await together(2, trainArgs(two, 1));
    expect([alone.code, trained.code]).toEqual([0, 0]);
    expect(trained.stdout.match(/Trained\./g)).toHaveLength(1);
    expect(readdirSync(path.join(two, "run")).sort()).toEqual(readdirSync(path.join(one, "run")).sort());
    const [a, b] = [await newest(one), await newest(two)];
    if (!a || !b) throw new Error("no checkpoint");
    expect(difference(b, a)).toBeLessThan(1e-5);

    // The same weights, read by one and by two.
    const expected = JSON.parse((await gmr(evaluate(two))).stdout);
    const evaluated = await together(2, evaluate(two));
    expect(evaluated.code).toBe(0);
    const found = JSON.parse(evaluated.stdout);
    expect(found.networks).toEqual(expected.networks);

    const images = temporaryFolder();
    const { default: sharp } = await import("sharp");
    for (let i = 0; i < 5; i++) {
      const raw = { raw: { width: 28, height: 28, channels: 1 as const } };
      const pixels = Uint8Array.from({ length: 784 }, (_, at) => (at * (i + 3)) % 256);
      await sharp(pixels, raw)
        .png()
        .toFile(path.join(images, `${i}.png`));
    }
    writeFileSync(path.join(images, "2.png"), "not an image");
    const predict = ["predict", path.join(two, "run"), images, "--backend", "wasm"];
    const table = await gmr([...predict, "--skip-damaged"]);
    const shared = await together(2, [...predict, "--skip-damaged"]);
    expect([table.code, shared.code]).toEqual([2, 2]);
    expect(shared.stdout.replaceAll("\r", "")).toBe(table.stdout.replaceAll("\r", ""));
    const refused = await together(2, predict);
    expect(refused.code).not.toBe(0);
    expect(said(refused)).toEqual([expect.stringMatching(/rank 0 of 2: gmr: .*2\.png/)]);
  });

  it("says once what is wrong, and ends quickly", async () => {
    const runs = temporaryFolder();
    const wrong = async (args: string[], ranks = 2): Promise<string> => {
      const ended = await together(ranks, args);
      expect(ended.code).not.toBe(0);
      expect(ended.seconds).toBeLessThan(30);
      const lines = said(ended);
      expect(lines).toHaveLength(1);
      return lines[0];
    };
    expect(await wrong(trainArgs(runs, 1, "--set", "train.momentums=1"))).toContain("momentums");
    expect(await wrong(trainArgs(runs, 1, "--batch-size", "2"), 3)).toContain(
      "batchSize 2 for 3 parts, expected at least one image for each",
    );
    expect(await wrong(trainArgs(runs, 1, "--backend", "webgpu"))).toContain(
      "gmr: --sync-batch-norm does not work on several ranks with --backend webgpu",
    );
    const unaware = await runRanks(launcher as Launcher, 2, [CLI, ...trainArgs(runs, 1)]);
    expect(unaware.code).not.toBe(0);
    expect(said(unaware)).toEqual([expect.stringContaining("add --distributed mpi, or start it alone")]);
    expect(existsSync(path.join(runs, "run", "gmr.checkpoint.safetensors"))).toBe(false);
  });

  it.skipIf(!linux)("names the rank whose data set is missing", async () => {
    const [runs, data] = [temporaryFolder(), temporaryFolder()];
    const args = trainArgs(runs, 1);
    const folder = args[args.indexOf("--folder") + 1];
    cpSync(folder, path.join(data, "set"), { recursive: true });
    // Each rank starts in its own folder; that of rank 1 has no data set.
    mkdirSync(path.join(data, "without"));
    const relative = args.map((arg) => (arg === folder ? "/proc/self/cwd/set" : arg));
    const program =
      'if (isMainThread && (process.env.OMPI_COMM_WORLD_RANK ?? process.env.PMI_RANK) === "1") process.chdir("without");';
    const preload = path.join(data, "folder.mjs");
    writeFileSync(preload, `import { isMainThread } from "node:worker_threads";\n${program}\n`);
    const ended = await runRanks(
      launcher as Launcher,
      2,
      ["--import", preload, CLI, ...relative, "--distributed", "mpi"],
      { env: { GMR_THREADS: "1" }, cwd: data },
    );
    expect(ended.code).not.toBe(0);
    expect(said(ended)).toEqual([expect.stringMatching(/^rank 1 of 2: gmr: .*set/)]);
  });

  it.skipIf(!linux)(
    "leaves a checkpoint when one rank is asked to stop, and another number of ranks resumes",
    async () => {
      const [one, runs] = [temporaryFolder(), temporaryFolder()];
      const more = ["--set", "train.checkpointSeconds=1e-6"];
      const stopped = await together(2, trainArgs(runs, 2, ...more), async (child) => {
        await until(async () => ((await newest(runs).catch(() => undefined))?.position.step ?? 0) > 3);
        process.kill(rankProcesses(child.pid as number).get(1) as number, "SIGTERM");
      });
      expect(stopped.code).not.toBe(0);
      expect(stopped.stdout + stopped.stderr).toMatch(/gmr stopped at step \d+ of 20; checkpoint: /);
      const resume = ["train", "--runs", runs, "--name", "run", "--resume"];
      const [resumed, straight] = [await together(3, resume), await gmr(trainArgs(one, 2, ...more))];
      expect([resumed.code, straight.code]).toEqual([0, 0]);
      const [a, b] = [await newest(one), await newest(runs)];
      if (!a || !b) throw new Error("no checkpoint");
      expect(b.position.step).toBe(20);
      expect(difference(b, a)).toBeLessThan(1e-5);
    },
  );

  it("ends with a checkpoint when the launcher is asked to stop", async () => {
    const runs = temporaryFolder();
    const ended = await together(2, trainArgs(runs, 50), async (child) => {
      const metrics = path.join(runs, "run", "metrics.jsonl");
      await until(() => existsSync(metrics) && readFileSync(metrics, "utf8").length > 0);
      child.kill("SIGTERM");
    });
    expect(ended.code).not.toBe(0);
    expect(ended.seconds).toBeLessThan(60);
    expect((await newest(runs))?.position.step).toBeGreaterThan(0);
  });

  it.skipIf(!works("node"))("trains networks one after the other on the native library", async () => {
    const runs = temporaryFolder();
    const args = trainArgs(runs, 1, "--backend", "node", "--networks", "gmr,dense");
    const { code } = await together(2, args);
    expect(code).toBe(0);
    expect(readdirSync(path.join(runs, "run"))).toEqual(
      expect.arrayContaining(["gmr.checkpoint.safetensors", "dense.checkpoint.safetensors"]),
    );
  });
});
