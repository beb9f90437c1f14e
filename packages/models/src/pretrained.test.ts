import { useWasm } from "@gmr-conv/backend-wasm";
import { evenSubset, rotateImages, toFloat } from "@gmr-conv/data";
import { loadMnist } from "@gmr-conv/data/node";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { modelCost } from "./cost.ts";
import { loadPretrained, pretrainedCards } from "./pretrained.ts";

beforeAll(() => useWasm());

it("has a complete card for each network, and loads it", async () => {
  for (const card of pretrainedCards()) {
    const model = await loadPretrained(card.name as "gmr-mnist");
    expect(model.name).toBe(card.name);
    expect(modelCost(model).parameters).toBe(card.parameters);
    expect(model.outputs[0].shape[1]).toBe(card.classNames.length);
    expect(card.accuracy.angles.length).toBeGreaterThan(8);
    for (const text of [card.description, card.command, card.input, card.licence, card.data.source]) {
      expect(text).not.toBe("");
    }
    model.dispose();
  }
});

it("reads digits with gmr-mnist as its card says, upright and turned", async () => {
  const [card] = pretrainedCards().filter(({ name }) => name === "gmr-mnist");
  const model = await loadPretrained("gmr-mnist");
  const set = toFloat(evenSubset((await loadMnist()).test, 1000));
  const accuracyAt = async (degrees: number) => {
    const images = rotateImages(set.images, set.shape, degrees);
    const found = tf.tidy(() => {
      const x = tf.tensor(images, [set.count, 28, 28, 1]);
      return (model.predict(x, { batchSize: 100 }) as tf.Tensor).argMax(-1);
    });
    const classes = await found.data();
    found.dispose();
    return (
      Array.from(set.labels).reduce<number>((sum, label, i) => sum + Number(classes[i] === label), 0) /
      set.count
    );
  };
  // On a thousand images accuracy is nearly always within two points of that on all.
  expect(Math.abs((await accuracyAt(0)) - card.accuracy.upright)).toBeLessThan(0.02);
  const at50 = card.accuracy.angles.find(([angle]) => angle === 50)?.[1] ?? 0;
  expect(Math.abs((await accuracyAt(50)) - at50)).toBeLessThan(0.025);
  model.dispose();
});

it("rejects an unknown name", async () => {
  await expect(loadPretrained("gmr-cifar" as "gmr-mnist")).rejects.toThrow(
    'pretrained network must be one of gmr-mnist, got "gmr-cifar"',
  );
});
