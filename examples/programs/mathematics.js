// The mathematics alone, on plain arrays: from ring weights to a dense kernel, and a check that the convolution turns
// with its input.

import { foldKernel, initialSigma, mixtureMatrix, mixWeights, Random, ringPartition } from "@gmr-conv/core";
import { equivarianceError, symmetryGroup } from "@gmr-conv/core/equivariance";
import { referenceConv } from "@gmr-conv/core/reference";

const partition = ringPartition(7); // the 7×7 positions of a kernel on 4 rings
const rings = partition.numRings;
const random = new Random(1);
const weights = Float64Array.from({ length: rings * 2 * 3 }, () => random.normal()); // [rings, 2 inputs, 3 outputs]
const logSigmas = new Array(rings).fill(Math.log(initialSigma(7, rings)));
const mixed = mixWeights(weights, mixtureMatrix(logSigmas), rings); // neighbouring rings share weight
const kernel = foldKernel(mixed, partition); // [7, 7, 2, 3], for any framework's dense convolution
console.log(`${weights.length + rings} parameters make a kernel of ${kernel.length}`);
console.log("one row:", Array.from({ length: 7 }, (_, j) => kernel[(3 * 7 + j) * 6].toFixed(3)).join(" "));

// [1, 9, 9, 2] → [1, 9, 9, 3], for every symmetry of the square.
const image = Float64Array.from({ length: 9 * 9 * 2 }, () => random.normal());
const options = { kernelSize: [7, 7], pad: "same" };
const convolve = (x, shape) => ({ image: referenceConv(x, shape, kernel, options).y, shape: [1, 9, 9, 3] });
const { errors } = await equivarianceError(convolve, image, [1, 9, 9, 2]);
for (const { element, error } of errors) console.log(element, error < 1e-12 ? "kept" : error);
console.log(`all ${symmetryGroup(2).length} symmetries of the square`);
