// The scores on the page are true: measured again with the weights and images that the page comes with.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { useWasm } from "@gmr-conv/backend-wasm";
import { decodeImage } from "@gmr-conv/data/node";
import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { type Card, measure } from "./card.ts";
import { UPRIGHT } from "./look.ts";
import { disposeNetworks, makeNetworks, readTensors } from "./networks.ts";
import { Pair } from "./pair.ts";
import { stretched } from "./picture.ts";

const file = (name: string): string =>
  fileURLToPath(new URL(`../../../public/nuclei/${name}`, import.meta.url));

const grey = (bytes: ArrayLike<number>): Float32Array => Float32Array.from(bytes, (byte) => byte / 255);

it("the card's scores are those of the weights, and nothing leaks", async () => {
  await useWasm();
  const card = JSON.parse(readFileSync(file("card.json"), "utf8")) as Card;
  const before = tf.memory().numTensors;
  const [gmr, dense] = ["gmr", "dense"].map((name) => readFileSync(file(`${name}.safetensors`)));
  const networks = makeNetworks(card, readTensors({ gmr, dense }));
  const made = tf.memory().numTensors;
  const pairs = await Promise.all(
    card.images.map(async ({ image, mask }) => {
      const [pixels, truth] = await Promise.all([decodeImage(file(image)), decodeImage(file(mask))]);
      return new Pair(networks, {
        pixels: grey(pixels.data),
        truth: grey(truth.data),
      });
    }),
  );
  const scores = await measure(pairs, {
    gmr: networks.gmr.countParams(),
    dense: networks.dense.countParams(),
  });
  console.log(JSON.stringify(scores));
  for (const name of ["gmr", "dense"] as const) {
    const { parameters, truth, agreement } = scores[name];
    expect(parameters).toBe(card.scores[name].parameters);
    // A pixel on the fence may fall to either side of it with other rounding.
    for (const [key, value] of Object.entries(truth)) {
      expect(value).toBeCloseTo(card.scores[name].truth[key as keyof typeof truth], 3);
    }
    for (const [key, value] of Object.entries(agreement)) {
      expect(value).toBeCloseTo(card.scores[name].agreement[key as keyof typeof agreement], 3);
    }
  }
  // What the page says: as good as each other, but one of them depends less on how the image lies.
  expect(scores.gmr.agreement.mirrored).toBe(1);
  expect(scores.gmr.agreement.worst).toBeGreaterThan(scores.dense.agreement.mean);
  const quarter = await pairs[0].look({ ...UPRIGHT, degrees: 270 });
  expect(quarter.masks.gmr.agreement).toBe(1);
  expect(tf.memory().numTensors).toBe(made);
  disposeNetworks(networks);
  expect(tf.memory().numTensors).toBe(before);
});

it("pictures become bright nuclei on a dark ground", () => {
  const slide = Float32Array.from({ length: 1000 }, (_, i) => (i < 30 ? 0.3 : 0.9));
  const { pixels, inverted } = stretched(slide);
  expect(inverted).toBe(true);
  expect([pixels[0], pixels[500]]).toEqual([1, 0]);
  expect(stretched(slide.map((value) => 1 - value)).inverted).toBe(false);
  expect(() => stretched(new Float32Array(100).fill(0.5))).toThrow(/the picture has one colour/);
});
