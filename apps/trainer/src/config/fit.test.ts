import { describe, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { checkFit } from "./fit.ts";
import type { ModelSpec } from "./schema.ts";

const images = {
  title: "Leaves",
  shape: [24, 24, 3],
  classNames: ["oak", "elm", "ash"],
  task: "classification" as const,
};
const network = (model: ModelSpec, size?: [number, number]) => ({
  name: "mine",
  model,
  train: size ? { augment: { size } } : {},
});

describe("checkFit", () => {
  it.each<[string, ModelSpec, Partial<Parameters<typeof checkFit>[1]>, string]>([
    [
      "another size",
      { name: "gmr-resnet18", inputShape: [28, 28, 3] },
      {},
      "takes images of 28×28×3, those of Leaves are 24×24×3: leave out the network's inputShape, or change the images " +
        "with dataset.size and dataset.channels",
    ],
    [
      "other channels",
      { name: "gmr-resnet18", inputShape: [null, null, 1] },
      {},
      "takes images of any×any×1, those of",
    ],
    [
      "other classes",
      { name: "gmr-resnet18", classes: 5 },
      {},
      "has 5 classes, Leaves has 3 (oak, elm, ash): leave out the network's classes, or use another data set",
    ],
    [
      "a network for volumes",
      { name: "gmr-r3d9" },
      {},
      "takes volumes, Leaves has images of 24×24×3: choose another with",
    ],
    [
      "a network for images",
      { name: "gmr-resnet18" },
      { shape: [8, 8, 8, 1] },
      "takes images, Leaves has volumes of 8×8×8×1",
    ],
    [
      "a network for masks",
      { name: "gmr-unet" },
      {},
      "gives a class for each position, Leaves has one class for each image",
    ],
    [
      "masks",
      { name: "gmr-resnet18" },
      { task: "segmentation" },
      "gives one class for each image, Leaves has masks: choose",
    ],
  ])("refuses %s", (_name, model, other, message) => {
    expectGmrError(
      () => checkFit(network(model), { ...images, ...other }),
      "invalid-shape",
      new RegExp(`^network mine \\(${model.name}\\) ${message.replace(/[()]/g, "\\$&")}`),
    );
  });

  it("accepts what fits, at the size that images are cropped to", () => {
    checkFit(network({ name: "gmr-resnet18", inputShape: [null, 24, 3], classes: 3 }), images);
    checkFit(network({ name: "gmr-resnet18", inputShape: [16, 16, 3] }, [16, 16]), images);
    checkFit(network({ name: "gmr-unet" }), { ...images, task: "segmentation" });
  });
});
