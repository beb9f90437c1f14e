// Segment images: train a U-Net with fit on images [N, H, W, C] and masks [N, H, W] of class numbers.

import { useWasm } from "@gmr-conv/backend-wasm";
import { unet } from "@gmr-conv/models";
import { losses, metrics } from "@gmr-conv/models/training";
import * as tf from "@tensorflow/tfjs";

await useWasm();
const sizes = { levels: 2, features: [8, 8, 16, 8], kernelSizes: [5, 5, 3] };
const model = unet({ inputShape: [32, 32, 1], classes: 2, ...sizes, seed: 1 });
model.compile({
  optimizer: tf.train.adam(0.01),
  loss: losses.diceCrossEntropy(), // { ignoreLabel: 255 } leaves out what nobody labelled
  metrics: [metrics.meanIoU()],
});
const [train, test] = [drawCells(32, 1), drawCells(8, 2)];
const { history } = await model.fit(train.images, train.masks, { epochs: 6, batchSize: 4, verbose: 0 });
console.log(`mean IoU in training: ${history.meanIoU.map((value) => value.toFixed(2)).join(" ")}`);
const [, iou] = model.evaluate(test.images, test.masks);
console.log(`mean IoU of new images: ${iou.dataSync()[0].toFixed(2)}`);

const masks = model.predict(test.images).argMax(-1);
const turned = model.predict(test.images.reverse(1)).argMax(-1).reverse(1);
const same = masks.equal(turned).mean().dataSync()[0];
console.log(`masks of shape [${masks.shape}], ${(100 * same).toFixed(1)} % the same upside down`);

/** Stands for your images: bright discs on a noisy ground, and which pixels belong to them. */
function drawCells(count, seed) {
  const at = (axis) => tf.range(0, 32).reshape(axis === 1 ? [1, 32, 1] : [1, 1, 32]);
  const centre = (key) => tf.randomUniform([count, 1, 1], 8, 24, "float32", seed + key);
  const squares = at(1)
    .sub(centre(10))
    .square()
    .add(at(2).sub(centre(20)).square());
  const masks = squares.less(tf.randomUniform([count, 1, 1], 16, 60, "float32", seed + 30)).toInt();
  const noise = tf.randomNormal([count, 32, 32], 0.3, 0.2, "float32", seed + 40);
  return { images: noise.add(masks.mul(0.4)).expandDims(-1), masks };
}
