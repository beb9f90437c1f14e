import path from "node:path";
import { expect, it } from "vitest";
import { npy, put, temporaryFolder } from "../../../packages/data/src/testing/write.ts";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { npyPairDataset } from "./npyPair.ts";

const classNames = ["dark", "light"];

function write(count: number, labels: number[]): string {
  const folder = temporaryFolder();
  const pixels = Uint8Array.from({ length: count * 6 }, (_, i) => i);
  put(path.join(folder, "images.npy"), npy(pixels, [count, 2, 3, 1], "|u1"));
  put(path.join(folder, "labels.npy"), npy(Uint8Array.from(labels), [labels.length], "|u1"));
  return folder;
}

it("reads images and labels, and splits them", async () => {
  const folder = write(
    20,
    Array.from({ length: 20 }, (_, i) => i % 2),
  );
  const { card, train, validation, test } = await npyPairDataset.load({ folder, classNames });
  expect(card.classNames).toEqual(classNames);
  expect([train, validation, test].map((part) => part?.count)).toEqual([14, 2, 4]);
  const { images, labels } = await train.read([0]);
  expect(images).toHaveLength(6);
  expect((images[0] / 6) % 2).toBe(labels[0]);
});

it("refuses what does not fit, naming it", async () => {
  const few = write(4, [0, 1, 0]);
  await expectGmrError(
    () => npyPairDataset.load({ folder: few, classNames }),
    "invalid-data",
    `${few}: 3 labels, expected one below 2 for each of 4 images`,
  );
  const strange = write(3, [0, 2, 1]);
  await expectGmrError(
    () => npyPairDataset.load({ folder: strange, classNames }),
    "invalid-data",
    `${strange}: label 2, expected one below 2 for each of 3 images`,
  );
});
