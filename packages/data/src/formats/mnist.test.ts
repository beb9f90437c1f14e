import { describe, expect, it } from "vitest";
import { writeBytes, writeIdx } from "../testing/writeIdx.ts";
import { mnistFromIdx } from "./mnist.ts";

const images = writeBytes([2, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
const labels = writeBytes([2], [7, 0]);

describe("mnistFromIdx", () => {
  it("joins images and labels", () => {
    const set = mnistFromIdx(images, labels, { set: "tiny" });
    expect(set).toMatchObject({ name: "tiny", count: 2, shape: [2, 3, 1] });
    expect([...set.images]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
    expect([...set.labels]).toEqual([7, 0]);
    expect(set.classNames).toHaveLength(10);
  });

  it("notices swapped files", () => {
    const names = { images: "a.idx", labels: "b.idx" };
    expect(() => mnistFromIdx(labels, images, names)).toThrow(/a\.idx: uint8 \[2\].*swapped/);
    expect(() => mnistFromIdx(labels, labels, names)).toThrow(/a\.idx.*swapped/);
    expect(() => mnistFromIdx(images, images, names)).toThrow(/b\.idx: uint8 \[2, 2, 3\].*swapped/);
  });

  it.each([
    ["different counts", images, writeBytes([3], [1, 2, 3]), "3 labels, expected 2"],
    ["a label over 9", images, writeBytes([2], [3, 10]), "label 10 at position 1, expected 0 to 9"],
    ["no images", writeBytes([0, 2, 3], []), writeBytes([0], []), "holds no pixels"],
    ["another rank", writeBytes([1, 1], [1]), labels, "uint8 [1, 1], expected uint8 images"],
    [
      "another type",
      writeIdx({ type: "int8", dims: [1, 1, 1], data: Int8Array.of(1) }),
      labels,
      "int8 [1, 1, 1], expected uint8 images",
    ],
  ])("refuses %s", (_, imageBytes, labelBytes, message) => {
    expect(() => mnistFromIdx(imageBytes, labelBytes)).toThrow(message);
  });
});
