/** A digest of the output and the gradients of a layer, exact to the bit: the same in Node and in browsers. */
export function layerNumbers(tf, gmrConv2d) {
  const x = tf.randomNormal([4, 32, 32, 64], 0, 1, "float32", 1);
  const weights = tf.randomNormal([5, 64, 64], 0, 0.1, "float32", 2);
  const logSigmas = tf.fill([5], -0.5);
  const layer = (x, w, s) => gmrConv2d(x, w, { kernelSize: 9, pad: "same", logSigmas: s });
  const tensors = [layer(x, weights, logSigmas), ...tf.grads(layer)([x, weights, logSigmas])];
  return tensors.map((tensor) => {
    const bits = new Int32Array(Float32Array.from(tensor.dataSync()).buffer);
    return bits.reduce((hash, value) => (Math.imul(hash, 31) + value) | 0, 0);
  });
}
