import { useWasm } from "@gmr-conv/backend-wasm";
import { stateDictOf } from "@gmr-conv/io/layers";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { embedding, featureExtractor } from "./heads.ts";
import { listModels } from "./listModels.ts";
import { createModel, MODEL_NAMES } from "./registry.ts";
import { createStored, restoreNetwork } from "./storedNetwork.ts";

beforeAll(() => useWasm());

/** As counted by the official package, version 1.0.3, for 10 classes. */
const OFFICIAL = {
  "gmr-resnet18": 3_996_685,
  "gmr-resnet34": 7_518_537,
  "gmr-resnet50": 16_130_571,
  "gmr-r3d9": 1_231_644,
  "gmr-r3d18": 2_628_140,
} as const;

describe("listModels", () => {
  it.each(Object.entries(OFFICIAL))("%s has the parameters of the official network", (name, parameters) => {
    const [info] = listModels([name as keyof typeof OFFICIAL]);
    expect(info.parameters).toBe(parameters);
  });

  it("describes a network and leaves no tensors", () => {
    const before = tf.memory().numTensors;
    expect(listModels(["gmr-resnet18"])).toEqual([
      {
        name: "gmr-resnet18",
        description: "ResNet-18 for images, 9×9 and 5×5 ring convolutions",
        inputShape: [32, 32, 3],
        classes: 10,
        parameters: 3_996_685,
        nonTrainable: 9_600,
        multiplyAdds: 252_253_184, // the ring strategy: positions · rings · Cin · Cout, added up by hand
        receptiveField: [300, 300], // 5 + 4·8 + 1 + 4·8·2 + 2 + 4·4·4 + 4 + 4·4·8
      },
    ]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("createModel", () => {
  const small = { classes: 3, seed: 1 };
  it.each(MODEL_NAMES)("%s builds, small, and answers", (name) => {
    const volumes = name.includes("r3d");
    const side = name.includes("unet") ? 18 : 16;
    const inputShape = volumes ? [9, 9, 9, 1] : [side, side, 1];
    const widths = name.includes("unet") ? {} : { widths: [2, 2, 3, 4] };
    const options = name.includes("unet") ? { features: [2, 2, 3, 4, 4, 2], levels: 4 } : widths;
    const model = createModel(name, { inputShape, ...small, ...options } as never);
    expect(model.name).toBe(name);
    const y = tf.tidy(() => (model.predict(tf.ones([2, ...inputShape])) as tf.Tensor).shape);
    expect(y).toEqual(name.includes("unet") ? [2, 18, 18, 3] : [2, 3]);
    model.dispose();
  });

  it("lets options replace the defaults of a name, but not undefined ones", () => {
    const model = createModel("gmr-resnet50", {
      inputShape: [8, 8, 1],
      classes: 2,
      depths: [1, 1],
      widths: [2, 4],
      block: undefined,
      name: "mine",
    });
    expect(model.name).toBe("mine");
    expect(model.layers.some(({ name }) => name === "layer2.0.conv3")).toBe(true);
    model.dispose();
  });

  it("lists the known names", () => {
    expectGmrError(
      () => createModel("resnet" as "gmr-resnet18", { inputShape: [8, 8, 1], classes: 2 }),
      "invalid-argument",
      `model must be one of ${MODEL_NAMES.join(", ")}, got "resnet"`,
    );
  });
});

describe("heads", () => {
  const model = () =>
    createModel("gmr-resnet18", { inputShape: [16, 16, 1], classes: 3, widths: [2, 3, 4, 5], seed: 1 });

  it("returns the maps of stages by featureExtractor", () => {
    const network = model();
    const features = featureExtractor(network, ["layer1", "layer2.0", "layer4", "bn1"]);
    const shapes = tf.tidy(() =>
      (features.predict(tf.ones([1, 16, 16, 1])) as tf.Tensor[]).map((y) => y.shape),
    );
    expect(shapes).toEqual([
      [1, 16, 16, 2],
      [1, 8, 8, 3],
      [1, 2, 2, 5],
      [1, 16, 16, 2],
    ]);
    expectGmrError(
      () => featureExtractor(network, ["layer5"]),
      "invalid-argument",
      'stages must name layers of model gmr-resnet18, got "layer5"',
    );
    network.dispose();
  });

  it("returns the features before the classifier by embedding, invariant to turns", () => {
    const network = model();
    const features = embedding(network);
    const difference = tf.tidy(() => {
      const x = tf.randomNormal([1, 16, 16, 1], 0, 1, "float32", 1);
      const [a, b] = [x, x.transpose([0, 2, 1, 3]).reverse(1)].map(
        (image) => features.predict(image) as tf.Tensor,
      );
      expect(a.shape).toEqual([1, 5]);
      return a.sub(b).abs().max().dataSync()[0];
    });
    expect(difference).toBeLessThan(1e-4);
    expectGmrError(
      () => embedding(features),
      "invalid-argument",
      "model gmr-resnet18-embedding must end in a dense classifier, it ends in GlobalAveragePooling2D",
    );
    network.dispose();
  });
});

describe("a network that a file describes", () => {
  const options = { inputShape: [16, 16, 1], classes: 3, widths: [4, 4, 4, 4], seed: 1 };
  const stored = { name: "gmr-resnet18", options };

  it("is the one of createModel, with the file's weights", async () => {
    const model = createModel("gmr-resnet18", { ...options, seed: 2 });
    const restored = restoreNetwork(stored, await stateDictOf(model));
    const x = tf.randomNormal([2, 16, 16, 1], 0, 1, "float32", 1);
    const [expected, found] = [model, restored].map((made) => made.predict(x) as tf.Tensor);
    expect(await found.data()).toEqual(await expected.data());
    tf.dispose([x, expected, found]);
    for (const made of [model, restored]) made.dispose();
  });

  it("leaves no tensors when the weights are another network's", async () => {
    const before = tf.memory().numTensors;
    const weights = new Map([["fc.bias", { shape: [2], data: new Float32Array(2) }]]);
    expect(() => restoreNetwork(stored, weights)).toThrow(/fc\.bias|missing/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("is refused for an unknown name, and for options that it does not take", async () => {
    await expectGmrError(
      () => createStored({ name: "gmr-resnet19", options }),
      "invalid-argument",
      /got "gmr-resnet19"/,
    );
    const misspelt = { ...options, widhts: [4] };
    await expectGmrError(
      () => createStored({ name: stored.name, options: misspelt }),
      "invalid-argument",
      /widths/,
    );
  });
});
