import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { datasetCards } from "@gmr-conv/data/node";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../testing/cli.ts";
import { defaultModel } from "./defaults.ts";
import { parseOverride, setAt } from "./override.ts";
import { presetNames } from "./presets.ts";
import { checkConfig, readConfigFile, readPreset } from "./read.ts";
import { checkNetwork } from "./resolve.ts";
import { jsonSchema, type NetworkConfig } from "./schema.ts";

const root = temporaryFolder();

/** What the images of the data sets are. */
const SHAPES: Record<string, { shape: number[]; classes: number; task?: "segmentation" }> = {
  mnist: { shape: [28, 28, 1], classes: 10 },
  cifar10: { shape: [32, 32, 3], classes: 10 },
  "nwpu-vhr10": { shape: [64, 64, 3], classes: 10 },
  mtarsi: { shape: [64, 64, 3], classes: 20 },
  "nct-crc": { shape: [224, 224, 3], classes: 9 },
  pcam: { shape: [96, 96, 3], classes: 2 },
  imagenet: { shape: [224, 224, 3], classes: 1000 },
  modelnet10: { shape: [33, 33, 33, 1], classes: 10 },
  modelnet40: { shape: [33, 33, 33, 1], classes: 40 },
  masks: { shape: [64, 64, 1], classes: 2, task: "segmentation" },
};

describe("presets", () => {
  it("are there for all experiments of the paper, and in little", () => {
    expect(presetNames()).toEqual(
      [...["cifar10", "imagenet", "modelnet10", "modelnet40", "mtarsi", "nct-crc", "nwpu-vhr10", "pcam"]]
        .flatMap((name) => [name, `${name}-quick`])
        .concat("mnist", "nuclei")
        .sort(),
    );
  });

  it.each(presetNames())("%s is a configuration with networks that can be built", (name) => {
    const config = checkConfig(readPreset(name), [], name);
    const { shape, classes, task = "classification" } = SHAPES[config.dataset.name];
    const { size } = config.dataset as { size?: number };
    const own = size === undefined ? shape : shape.map((length) => (length > 3 ? size : length));
    const networks = config.networks ?? [
      { name: "gmr", model: defaultModel("gmr", { shape: own, task }) },
      { name: "dense", model: defaultModel("dense", { shape: own, task }) },
    ];
    for (const { name, model } of networks) {
      const network = { name, label: name, model, train: {} } as NetworkConfig;
      const data = {
        title: "made up",
        task,
        shape: own,
        classNames: Array.from({ length: classes }, (_, k) => `class ${k}`),
      };
      expect(() => checkNetwork(network, data as never)).not.toThrow();
    }
    const card = datasetCards().find((entry) => entry.name === config.dataset.name);
    const { normalization } = config.train ?? {};
    if (normalization) expect(normalization).toEqual(card?.normalization);
  });

  it("of the paper leave no default of the engine in place that changes the images", () => {
    for (const name of presetNames()) {
      const { train } = checkConfig(readPreset(name), [], name);
      if (train?.optimizer?.name !== "sgd") continue;
      expect(train).toMatchObject({ augment: { subpixel: false, fill: 0 }, schedule: { name: "cosine" } });
      expect(train.augment?.scale).toBeDefined();
    }
  });

  it("that there are not are named, with what was meant", () => {
    expect(() => readPreset("cifar-10")).toThrow('preset "cifar-10": did you mean cifar10?');
    expect(() => readPreset("../mnist")).toThrow('preset "../mnist"');
  });
});

describe("configurations", () => {
  it("have the JSON schema that is published", () => {
    const published = readFileSync(new URL("../../schema/config.schema.json", import.meta.url), "utf8");
    // The build writes it.
    expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(jsonSchema())));
  });

  it("are changed at any place", () => {
    expect(parseOverride("train.augment.scale=[0.9, 1.1]")).toEqual({
      path: ["train", "augment", "scale"],
      value: [0.9, 1.1],
    });
    expect(parseOverride("title=a=b").value).toBe("a=b");
    for (const text of ["train.epochs", "=3", "a=[1"])
      expect(() => parseOverride(text)).toThrow(`--set ${text}`);
    const tree = { networks: [{ name: "a" }] } as Record<string, unknown>;
    setAt(tree, ["networks", "0", "model", "name"], "x");
    setAt(tree, ["train", "epochs"], 3);
    expect(tree).toEqual({ networks: [{ name: "a", model: { name: "x" } }], train: { epochs: 3 } });
  });

  it.each<[string, object, string]>([
    ["an unknown key", { epochs: 3 }, 'file.yaml: the whole: Unrecognized key: "epochs"'],
    ["another type", { train: { epochs: "3" } }, "file.yaml: train.epochs: Invalid input: expected number"],
    ["an unknown data set", { dataset: { name: "cifar" } }, "file.yaml: dataset.name: did you mean cifar10?"],
    [
      "networks of one name",
      { networks: ["a", "a"].map((name) => ({ name, model: { name: "gmr-resnet18" } })) },
      "file.yaml: networks: expected each name once",
    ],
    [
      "a name that is not a file name",
      { networks: [{ name: "../x", model: { name: "gmr-resnet18" } }] },
      "file.yaml: networks[0].name: expected letters, digits",
    ],
    [
      "several things at once",
      { train: { epochs: 0, batchSize: -1 } },
      "train.epochs: Too small: expected number to be >=1; train.batchSize: Too small",
    ],
  ])("with %s are refused", (_, change, message) => {
    const given = { dataset: { name: "mnist" }, ...change };
    expect(() => checkConfig(given, [], "file.yaml")).toThrow(message);
  });

  it("come from files in YAML and JSON", () => {
    expect(() => readConfigFile("none.yaml")).toThrow("none.yaml: no such file");
    const file = path.join(root, "config.json");
    writeFileSync(file, '{ "dataset": { "name": "mnist" } }');
    expect(readConfigFile(file)).toEqual({ dataset: { name: "mnist" } });
  });

  it("are as docs/training.md shows", () => {
    const page = readFileSync(new URL("../../../../docs/training.md", import.meta.url), "utf8");
    const file = path.join(root, "leaves.yaml");
    writeFileSync(file, /```yaml\n(.*?)```/s.exec(page)?.[1] ?? "");
    const config = checkConfig(readConfigFile(file), [], file);
    expect(config.networks?.map(({ model }) => [model.name, model.fieldOfView])).toEqual([
      ["gmr-resnet18", "disc"],
      ["dense-resnet18", "disc"],
    ]);
  });
});
