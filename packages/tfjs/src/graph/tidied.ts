import * as tf from "@tensorflow/tfjs";

/** `tf.tidy` for results that hold no tensors except variables, and are too large to search for tensors. */
export function tidied<T>(action: () => T): T {
  let result!: T;
  tf.tidy(() => {
    result = action();
  });
  return result;
}
