// Two copies of TensorFlow.js in one program share their engine, tensors and backends, but do not know each other's
// layers and models. Causes: two installed versions, a bundler that resolves packages twice, or a script tag beside a
// bundle.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

const REMEDY =
  "keep only one (`npm ls @tensorflow/tfjs-core` shows what depends on it, `npm dedupe` or an override removes the " +
  "other; bundlers have `resolve.dedupe` or an alias)";

/** What every copy registers again when it is loaded, in the shared registry. */
function lastLoaded(): unknown {
  const { flagRegistry } = tf.env() as object as {
    flagRegistry?: Record<string, { evaluationFn?: unknown }>;
  };
  return flagRegistry?.DEBUG?.evaluationFn;
}

const whenImported = lastLoaded();

let warned = false;

/** Warns once if there is another copy, whose own errors merely say that our layers are unknown. */
export function warnOfCopies(): void {
  const isFirst = tf.env() instanceof tf.Environment;
  if (warned || (isFirst && lastLoaded() === whenImported)) return;
  warned = true;
  console.warn(
    `GMR-Conv: there are two copies of TensorFlow.js, which do not know each other's layers: ${REMEDY}`,
  );
}

/**
 * @param what object that comes from the other copy, for the error: "the model"
 */
export function copiesError(what: string): GmrError {
  return new GmrError(
    "unsupported",
    `${what} comes from a different copy of TensorFlow.js than our layers: ${REMEDY}`,
  );
}

/** @throws GmrError `unsupported` if a model comes from another copy */
export function checkOwnModel(model: tf.LayersModel): void {
  if (!(model instanceof tf.LayersModel)) throw copiesError("the model");
}

function isForeign(input: unknown): boolean {
  const isSymbolic =
    typeof input === "object" && input !== null && "sourceLayer" in input && "tensorIndex" in input;
  return isSymbolic && !(input instanceof tf.SymbolicTensor);
}

/** Makes layers refuse symbolic tensors of another copy, which they would take for numbers. Call it once. */
export function refuseForeignInputs(): void {
  const { apply } = tf.layers.Layer.prototype;
  tf.layers.Layer.prototype.apply = function (this: tf.layers.Layer, inputs, kwargs) {
    if (Array.isArray(inputs) ? inputs.some(isForeign) : isForeign(inputs)) {
      throw copiesError(`the input of layer ${this.name}`);
    }
    return apply.call(this, inputs, kwargs);
  };
}
