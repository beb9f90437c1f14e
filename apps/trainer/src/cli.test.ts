import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { afterEach, describe, expect, it, vi } from "vitest";
import { gmr, gmrProcess, temporaryFolder } from "../testing/cli.ts";
import { MNIST_FILES, putMnist } from "../testing/mnist.ts";
import { makeProgram } from "./program.ts";

const fixtures = new URL("../../../tooling/fixtures/official", import.meta.url).pathname;
const small = ["--limit", "640", "--batch-size", "32", "--epochs", "1"];

/** The words of every command and subcommand, as `gmr` knows them. */
function commandsOf(command: Command, words: string[] = []): string[][] {
  return [words, ...command.commands.flatMap((inner) => commandsOf(inner, [...words, inner.name()]))];
}

describe("help", () => {
  it.each(commandsOf(makeProgram()).map((words) => [["gmr", ...words].join(" "), words] as const))(
    "%s explains every option",
    async (_name, command) => {
      const { code, stdout } = await gmr([...command, "--help"]);
      expect(code).toBe(0);
      const options = stdout.split("\n").filter((line) => /^ {2}-/.test(line));
      expect(options.length).toBeGreaterThan(0);
      for (const line of options) {
        const described = /^ {2}\S.*? {2,}\S/.test(line) || stdout.includes(`${line}\n      `);
        expect(described, `no description: ${line}`).toBe(true);
      }
    },
  );
});

describe("bad input: one line that names the value, exit code 1, no stack trace", () => {
  const cases: [string, string[], string][] = [
    ["unknown command", ["trian"], "unknown command 'trian'"],
    ["unknown option", ["train", "--epoch", "3"], "unknown option '--epoch'"],
    ["invalid number", ["train", "--epochs", "NaN"], "'NaN' is invalid"],
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
    [
      "unknown model",
      ["train", "--model", "gmr-resnet19"],
      'networks[0].model.name: Invalid option: expected one of "gmr-resnet18"',
    ],
    ["unknown data set", ["train", "--dataset", "cifar"], "dataset.name: did you mean cifar10?"],
    ["option of another data set", ["train", "--file", "x.csv"], 'dataset: Unrecognized key: "file"'],
    ["unknown preset", ["train", "--preset", "cifar"], "Allowed choices are"],
    [
      "missing configuration",
      ["train", "none.yaml"],
      "none.yaml: no such file, expected a configuration in YAML or JSON",
    ],
    ["unknown key", ["train", "--set", "train.epoch=3"], 'train: Unrecognized key: "epoch"'],
    ["value of another type", ["train", "--set", "train.epochs=many"], "train.epochs: Invalid input"],
    ["setting without a value", ["train", "--set", "train.epochs"], "expected KEY=VALUE"],
    [
      "misspelt option of a network",
      ["train", "--set", "networks.0.model.widht=[4,4,4]"],
      'network gmr: the options of resNet have no "widht": did you mean',
    ],
    ["invalid grid", ["sweep", "--grid", "train.epochs=3"], "expected KEY=[VALUE,…]"],
    ["predict without a run", ["predict", "nothing", "x.png"], "x.png: no such file or folder"],
    [
      "missing folder of a data set",
      ["data", "verify", "folder", "--folder", "none"],
      "none: no such folder",
    ],
    ["unknown backend", ["train", "--backend", "gpu"], "'gpu' is invalid"],
    ["run name with a path", ["train", "--name", "../x"], 'run name "../x"'],
    ["missing run", ["eval", "--name", "nothing"], "nothing/config.json does not exist"],
    ["nothing to resume", ["train", "--name", "nothing", "--resume"], "nothing to resume"],
    ["missing data folder", ["train", "--folder", "no-such-folder"], "no-such-folder"],
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
    const isRun = ["train", "eval", "quickstart", "sweep"].includes(args[0]);
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

  const text = path.join(temporaryFolder(), "text.txt");
  writeFileSync(text, "hello");
  const folder = temporaryFolder();
  const below = path.join(text, "below");
  const none = path.join(folder, "none");
  const files: [string, string[], string][] = [
    ["train CONFIG: a folder", ["train", folder], "it is a folder, expected a configuration in YAML or JSON"],
    ["train CONFIG: text", ["train", text], "expected a configuration (keys and values in YAML or JSON)"],
    [
      "train --folder: a file",
      ["train", "--dataset", "folder", "--folder", text],
      "it is a file, expected a folder",
    ],
    [
      "train --folder: none given",
      ["train", "--dataset", "folder"],
      "dataset.folder: missing, expected a string: give --folder",
    ],
    [
      "train --file: a folder",
      ["train", "--dataset", "csv", "--file", folder],
      "it is a folder, expected a file",
    ],
    ["train --runs: a file", ["train", "--runs", text], "a part of its path is a file, expected a folder"],
    [
      "train: a value that is none of a few",
      ["train", "--dataset", "folder", "--folder", folder, "--set", "dataset.channels=4"],
      "dataset.channels: expected one of 1, 3",
    ],
    [
      "report RUN: no such run",
      ["report", "nothing", "--runs", folder],
      "config.json does not exist: expected the folder of a run",
    ],
    [
      "compare --output: a folder",
      ["compare", "a", "--output", folder],
      `cannot write ${folder}: it is a folder, expected a file`,
    ],
    [
      "compare --output: nowhere",
      ["compare", "a", "--output", path.join(none, "x.html")],
      `${none} is not a folder: create it first`,
    ],
    [
      "predict SOURCE: a file",
      ["predict", text, text],
      "expected the folder of a run, such as runs/train, or a pretrained network",
    ],
    [
      "predict INPUT: below a file",
      ["predict", "gmr-mnist", below],
      `${below}: a part of its path is a file`,
    ],
    ["predict INPUT: text", ["predict", "gmr-mnist", text], "text.txt: not an image, or a damaged one"],
    [
      "predict INPUT: an empty folder",
      ["predict", "gmr-mnist", folder],
      "expected PNG, JPEG, TIFF or WebP files",
    ],
    [
      "predict --output: below a file",
      ["predict", "gmr-mnist", text, "--output", below],
      `cannot write ${below}: ${text} is not a folder`,
    ],
    [
      "convert INPUT: text",
      ["convert", text, "x.onnx"],
      "expected weights (safetensors or a PyTorch checkpoint), a TensorFlow.js model",
    ],
    [
      "convert INPUT: below a file",
      ["convert", below, "x.onnx"],
      "a part of its path is a file, expected a folder; expected weights",
    ],
    [
      "convert INPUT: an empty folder",
      ["convert", folder, "x.onnx"],
      "has neither model.json nor config.json; expected weights",
    ],
    [
      "convert INPUT: missing JSON",
      ["convert", `${none}.json`, "x.onnx"],
      "no such file or folder; expected weights",
    ],
    [
      "publish RUN: no such run",
      ["publish", "nothing", "x", "--runs", folder],
      "expected the folder of a run",
    ],
    ["parity --fixtures: a file", ["parity", "--fixtures", text], "expected a folder with cases.json"],
    ["bench layers --svg: a folder", ["bench", "layers", "--svg", folder], "it is a folder, expected a file"],
    [
      "data verify --folder: a file",
      ["data", "verify", "folder", "--folder", text],
      "it is a file, expected a folder",
    ],
    ["sweep CONFIG: missing", ["sweep", none, "--runs", folder], "no such file, expected a configuration"],
  ];
  it.each(files)("%s", async (_name, args, message) => {
    const { code, stdout, stderr } = await gmr(args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\bE[A-Z]{4,}\b|\.tmp|^ {4}at /m);
    expect(stderr.match(/^gmr: .*$/gm)).toHaveLength(1);
  });

  it("says what to do where WebAssembly does not start", async () => {
    vi.stubEnv("NODE_OPTIONS", "--jitless");
    const { code, stderr } = await gmrProcess(["models", "gmr-r3d9"]);
    vi.unstubAllEnvs();
    expect(code).toBe(1);
    expect(stderr).toContain("this process has no WebAssembly (was Node started with --jitless?)");
    expect(stderr).toContain("or use another backend (webgpu, node, or cpu, which is slow but always there)");
    expect(stderr).not.toMatch(/^ {4}at |server/m);
  });

  it("shows the stack trace with --debug", async () => {
    const { code, stderr } = await gmr(["--debug", "parity", "--fixtures", "no-such-folder"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ {4}at /m);
  });

  it("ends the process with the code", async () => {
    const usage = await gmrProcess(["trian"]);
    expect([usage.code, usage.stderr.split("\n")[0]]).toEqual([1, "error: unknown command 'trian'"]);
    const missing = await gmrProcess(["report", "nothing", "--runs", folder]);
    expect([missing.code, missing.stdout]).toEqual([1, ""]);
    expect(missing.stderr).toMatch(/^gmr: .*config\.json does not exist: expected the folder of a run.*\n$/);
    const help = await gmrProcess(["--help"]);
    expect([help.code, help.stderr]).toEqual([0, ""]);
    expect(help.stdout).toContain("Usage: gmr");
  });

  it("refuses a run folder that cannot be written", async () => {
    const runs = temporaryFolder();
    writeFileSync(path.join(runs, "train"), "a file where the folder should be");
    const { code, stderr } = await gmr(["train", "--runs", runs, ...small]);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot write to the run folder ${path.join(runs, "train")}`);
  });

  it("refuses truncated and swapped IDX files", async () => {
    const folder = path.join(temporaryFolder(), "data");
    putMnist(folder);
    const [images, labels] = MNIST_FILES.map((name) => path.join(folder, name));
    const train = (): ReturnType<typeof gmr> =>
      gmr(["train", "--runs", temporaryFolder(), "--folder", folder, ...small]);

    const whole = readFileSync(images);
    truncateSync(images, 1_000_000);
    const truncated = await train();
    expect(truncated.code).toBe(1);
    expect(truncated.stderr).toMatch(/^gmr: .*train-images-idx3-ubyte.*1000000/);

    writeFileSync(images, readFileSync(labels));
    writeFileSync(labels, whole);
    const swapped = await train();
    expect(swapped.code).toBe(1);
    expect(swapped.stderr).toMatch(/^gmr: .*train-images-idx3-ubyte/);
    expect(swapped.stderr.trim().split("\n")).toHaveLength(1);
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

describe("width", () => {
  afterEach(() => vi.unstubAllEnvs());
  const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

  it.each([60, 80, 120])("of tables and help is that of a terminal of %d columns", async (width) => {
    vi.stubEnv("COLUMNS", String(width));
    const commands = [["--help"], ["train", "--help"], ["bench", "--help"], ["data", "list"]];
    if (width >= 80) commands.push(["models"]);
    for (const command of commands) {
      const { stdout } = await gmr(command);
      expect(widest(stdout), command.join(" ")).toBeLessThanOrEqual(width);
    }
  });

  it("is 100 columns elsewhere, and everything in the list of networks is shown", async () => {
    vi.stubEnv("COLUMNS", undefined);
    const { stdout } = await gmr(["models"]);
    expect(widest(stdout)).toBeLessThanOrEqual(100);
    expect(stdout).toContain("ResNet-18 for images");
  });

  it("leaves tolerances to gmr parity", async () => {
    const [root, parity] = await Promise.all([gmr(["--help"]), gmr(["parity", "--help"])]);
    expect(root.stdout).not.toMatch(/0\.0\d|tolerance|relative error/);
    expect(parity.stdout).toContain("relative");
  });
});

describe("--json", () => {
  it("prints objects of a stable shape, and nothing else", async () => {
    const keys = async (...args: string[]): Promise<string[][]> => {
      const { stdout } = await gmr([...args, "--json"]);
      return stdout
        .trim()
        .split("\n")
        .map((line) => Object.keys(JSON.parse(line)));
    };
    expect(await keys("info")).toEqual([["versions", "node", "platform", "cpu", "backends"]]);
    expect(await keys("doctor", "cpu", "wasm")).toEqual(Array(2).fill(["backend", "works", "findings"]));
    expect((await keys("data", "list"))[0]).toEqual(expect.arrayContaining(["name", "title", "licence"]));
    expect(await keys("data", "info", "mnist")).toEqual([
      expect.arrayContaining(["name", "layout", "options"]),
    ]);
    expect(await keys("models", "gmr-r3d9")).toEqual([
      expect.arrayContaining([
        "name",
        "description",
        "inputShape",
        "parameters",
        "multiplyAdds",
        "receptiveField",
      ]),
    ]);
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
