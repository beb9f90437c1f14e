// The files of a run, damaged, exchanged or from elsewhere, as the commands meet them.

import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { gmr, gmrProcess, temporaryFolder } from "../testing/cli.ts";
import { putMnist } from "../testing/mnist.ts";
import { RunFolder } from "./runs/runFolder.ts";

const CHECKPOINT = "gmr.checkpoint.safetensors";
const original = temporaryFolder();
const data = path.join(original, "data");
const size = ["--depths", "1", "--widths", "4", "--kernel-sizes", "3", "--limit", "320"];

/** A copy of a trained and evaluated run. */
function copy(): { runs: string; file: (name: string) => string } {
  const runs = temporaryFolder();
  cpSync(path.join(original, "mine"), path.join(runs, "mine"), { recursive: true });
  return { runs, file: (name) => path.join(runs, "mine", name) };
}

const resume = (runs: string, ...more: string[]) =>
  gmr(["train", "--runs", runs, "--name", "mine", "--resume", ...more]);
const evaluate = (runs: string) =>
  gmr(["eval", "--runs", runs, "--name", "mine", "--rotations", "180", "--test-limit", "20"]);
const publish = (runs: string, name: string) =>
  gmr(["publish", "mine", name, "--runs", runs, "--output", path.join(runs, "a", "b")]);

/** Changes the JSON of a file. */
function edit(file: string, change: (json: Record<string, never>) => unknown): void {
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, "utf8")))));
}

/** A config whose first network is trained in another way. */
function withTrain(config: Record<string, never>, train: object): unknown {
  const [network] = config.networks as { train: object }[];
  return { ...(config as object), networks: [{ ...network, train: { ...network.train, ...train } }] };
}

beforeAll(async () => {
  putMnist(data);
  const args = [
    "--runs",
    original,
    "--name",
    "mine",
    "--folder",
    data,
    "--batch-size",
    "32",
    "--epochs",
    "1",
  ];
  expect(await gmr(["train", ...args, ...size])).toMatchObject({ code: 0 });
  expect(await evaluate(original)).toMatchObject({ code: 0 });
}, 300_000);

describe("a run's checkpoint", () => {
  it("is not used with a changed bit in it: the one before is, or nothing", async () => {
    const { runs, file } = copy();
    const bytes = readFileSync(file(CHECKPOINT));
    bytes[bytes.length - 101] ^= 1;
    writeFileSync(file(CHECKPOINT), bytes);
    for (const outcome of [await evaluate(runs), await resume(runs, "--epochs", "2")]) {
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain(`${file(CHECKPOINT)} is damaged`);
      expect(outcome.stderr).toContain("no whole checkpoint of gmr is left");
    }
    expect(readFileSync(file(CHECKPOINT))).toEqual(bytes);

    const before = file("gmr.checkpoint-1.safetensors");
    cpSync(path.join(original, "mine", CHECKPOINT), before);
    const evaluated = await evaluate(runs);
    expect(evaluated).toMatchObject({ code: 0 });
    expect(evaluated.stderr).toContain(`the checkpoint before it is used (${before}, of step 10); resuming`);
    // What leaves the house is exact.
    const refused = await publish(runs, "net");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("resume the training, which goes on from the checkpoint before it");
    const resumed = await resume(runs, "--epochs", "2", "--keep-checkpoints", "3");
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stderr).toContain(`training goes on from ${before}, step 10`);
    expect(readFileSync(file("gmr.damaged.safetensors"))).toEqual(bytes);
  });

  it("continues only with its own images", async () => {
    const { runs, file } = copy();
    const other = path.join(runs, "data");
    cpSync(data, other, { recursive: true });
    const images = path.join(other, "train-images-idx3-ubyte");
    const bytes = readFileSync(images);
    for (let i = 16; i < bytes.length; i += 784) bytes[i + 400] ^= 128;
    rmSync(images);
    writeFileSync(images, bytes);
    edit(file("config.json"), (config) => ({
      ...config,
      dataset: { ...(config.dataset as object), folder: other },
    }));
    const { code, stderr } = await resume(runs, "--epochs", "2");
    expect(code).toBe(1);
    expect(stderr).toContain("are not those that gmr was trained on so far");
  });

  it("that is missing is missed aloud", async () => {
    const { runs, file } = copy();
    rmSync(file(CHECKPOINT));
    const { code, stderr } = await resume(runs);
    expect(code).toBe(0);
    expect(stderr).toContain("GMR-ResNet: no checkpoint yet, training starts at the beginning");
    expect(existsSync(file(CHECKPOINT))).toBe(true);
  });
});

describe("a run's folder", () => {
  it("is worked in by one process at a time, and survives those that were killed", async () => {
    const { runs, file } = copy();
    writeFileSync(file("run.lock"), `${process.ppid} ${os.hostname()}`);
    writeFileSync(file("report.json.4711.tmp"), "{");
    for (const { code, stderr } of [await evaluate(runs), await resume(runs)]) {
      expect(code).toBe(1);
      expect(stderr).toContain(`another process works in ${file("")}`.slice(0, -1));
    }
    const ended = await new Promise<number>((resolve) => {
      void gmrProcess(["--version"], (child) => child.on("close", () => resolve(child.pid ?? 0)));
    });
    writeFileSync(file("run.lock"), `${ended} ${os.hostname()}`);
    expect(await resume(runs)).toMatchObject({ code: 0 });
    expect(readdirSync(file("")).filter((name) => /lock|tmp/.test(name))).toEqual([]);
  });

  it("is left behind by a run that came to something only", async () => {
    const runs = temporaryFolder();
    expect(await gmr(["train", "--runs", runs, "--folder", "/nonexistent"])).toMatchObject({ code: 1 });
    expect(await resume(runs)).toMatchObject({ code: 1 });
    expect(existsSync(path.join(runs, "mine"))).toBe(false);
  });

  it("drops invalid lines of metrics", async () => {
    const { runs, file } = copy();
    writeFileSync(
      file("metrics.jsonl"),
      `half a li\n{"type":"progress","network":"gmr","step":"x"}\n${readFileSync(file("metrics.jsonl"))}`,
    );
    expect(await evaluate(runs)).toMatchObject({ code: 0 });
    const { code, stderr } = await resume(runs, "--epochs", "2");
    expect(stderr).toContain("2 invalid lines dropped");
    expect(code).toBe(0);
    const lines = readFileSync(file("metrics.jsonl"), "utf8").trim().split("\n");
    const kinds = lines.map((line) => JSON.parse(line)).filter(({ network }) => network === "gmr");
    expect(kinds.map(({ type }) => type)).toEqual(["progress", "validation", "progress", "validation"]);
  });
});

describe("config.json", () => {
  const bad: [string, (config: Record<string, never>) => unknown, string][] = [
    ["null", () => null, "the whole: Invalid input: expected object, received null"],
    ["{}", () => ({}), "title: missing, expected a string"],
    [
      "a word for a number",
      (config) => withTrain(config, { batchSize: "32" }),
      "networks[0].train.batchSize: Invalid input: expected number",
    ],
    [
      "a network that names other folders",
      (config) => ({ ...config, networks: [{ ...(config.networks as object[])[0], name: "../../x" }] }),
      "networks[0].name: expected letters, digits",
    ],
    [
      "a network twice",
      (config) => ({
        ...config,
        networks: [...(config.networks as object[]), ...(config.networks as object[])],
      }),
      "networks: expected each name once",
    ],
    [
      "a momentum of 2",
      (config) => withTrain(config, { optimizer: { momentum: 2 } }),
      "networks[0].train.optimizer.momentum: ",
    ],
  ];
  it.each(bad)("of %s is refused", async (_name, change, message) => {
    const { file } = copy();
    edit(file("config.json"), change);
    await expect(RunFolder.at(file("")).readConfig()).rejects.toThrow(`${file("config.json")}: ${message}`);
  });
});

it("config.json of another form ends each command in one line", async () => {
  const { runs, file } = copy();
  writeFileSync(file("config.json"), "null");
  for (const { code, stderr } of [await evaluate(runs), await resume(runs), await publish(runs, "net")]) {
    expect(code).toBe(1);
    expect(stderr).toContain(`${file("config.json")}: the whole: Invalid input`);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  }
});

describe("publish", () => {
  it("writes a card that names its checkpoint", async () => {
    const { runs, file } = copy();
    expect(await publish(runs, "net")).toMatchObject({ code: 0 });
    const card = JSON.parse(readFileSync(path.join(runs, "a", "b", "net.json"), "utf8"));
    const report = JSON.parse(readFileSync(file("report.json"), "utf8"));
    expect(card.weights).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(card.weights).toBe(report.networks[0].weights);
    expect(card.accuracy.upright).toBe(report.networks[0].upright.score);
    expect(card.data).toMatchObject({ name: "MNIST", licence: "CC BY-SA 3.0" });
    expect(card.command).toContain("gmr train --runs");
  });

  it("refuses a report of other weights, until the run is evaluated again", async () => {
    const { runs, file } = copy();
    expect(await resume(runs, "--epochs", "2")).toMatchObject({ code: 0 });
    const { code, stderr } = await publish(runs, "net");
    expect(code).toBe(1);
    expect(stderr).toContain(
      `${file("report.json")} is about other weights of network gmr than its checkpoint has`,
    );
    expect(await evaluate(runs)).toMatchObject({ code: 0 });
    expect(await publish(runs, "net")).toMatchObject({ code: 0 });
  });

  it("refuses a report of another form, and names that lead elsewhere", async () => {
    const { runs, file } = copy();
    const out = await publish(runs, "../../evil");
    expect(out.stderr).toContain('network name "../../evil": expected letters');
    for (const content of ["null", "[1"]) {
      writeFileSync(file("report.json"), content);
      const { code, stderr } = await publish(runs, "net");
      expect(code).toBe(1);
      expect(stderr).toContain(file("report.json"));
      expect(stderr.trim().split("\n")).toHaveLength(1);
    }
    expect(existsSync(path.join(runs, "a"))).toBe(false);
  });
});
