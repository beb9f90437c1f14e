// Initialisers, regularisers and constraints in any of the forms that stock layers accept: an object, its name, or its
// serialised form.

import { describeValue, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

export type Initializer = ReturnType<typeof tf.initializers.zeros>;
export type Regularizer = ReturnType<typeof tf.regularizers.l2>;
export type Constraint = ReturnType<typeof tf.constraints.nonNeg>;

/** A serialised object, as in a model's JSON. */
export interface SerializedObject {
  className: string;
  config: tf.serialization.ConfigDict;
}

/** What a layer's option accepts: the object, a name such as `"glorotUniform"`, or the serialised form. */
export type Given<T> = T | string | SerializedObject | null | undefined;

/** The prototype shared by all objects of a kind; TensorFlow.js does not export the classes. */
const KINDS = {
  initializer: baseOf(tf.initializers.zeros()),
  regularizer: baseOf(tf.regularizers.l2()),
  constraint: baseOf(tf.constraints.nonNeg()),
} satisfies Record<string, object>;

type Kind = keyof typeof KINDS;

function baseOf(object: object): object {
  return Object.getPrototypeOf(Object.getPrototypeOf(object));
}

/** Whether an object can serve as this kind: it has `apply`, and is not of another kind. */
function isKind(kind: Kind, object: object): boolean {
  const others = Object.entries(KINDS).filter(([name]) => name !== kind);
  return "apply" in object && !others.some(([, base]) => Object.prototype.isPrototypeOf.call(base, object));
}

/** The object that an option specifies, or undefined. `name` is the option's, for the error. */
export function resolve<T extends tf.serialization.Serializable>(
  name: string,
  kind: Kind,
  given: Given<T>,
): T | undefined {
  if (given === null || given === undefined) return undefined;
  const object = typeof given === "string" ? create(className(given), {}) : fromObject(given);
  if (object !== undefined && isKind(kind, object)) return object as T;
  throw new GmrError("invalid-argument", `${name} is not known to TensorFlow.js: ${describeValue(given)}`);
}

function fromObject(given: object): tf.serialization.Serializable | undefined {
  if (given instanceof tf.serialization.Serializable) return given;
  if (isSerializable(given)) return create(given.getClassName(), given.getConfig());
  if ("className" in given && typeof given.className === "string") {
    const config = "config" in given ? given.config : {};
    return create(given.className, config as tf.serialization.ConfigDict);
  }
  return undefined;
}

/** Whether an object is serializable according to another copy of TensorFlow.js. */
function isSerializable(given: object): given is tf.serialization.Serializable {
  return "getClassName" in given && "getConfig" in given;
}

function create(
  name: string,
  config: tf.serialization.ConfigDict,
): tf.serialization.Serializable | undefined {
  const entry = tf.serialization.SerializationMap.getMap().classNameMap[name];
  return entry?.[1](entry[0], config);
}

/** `"glorotUniform"` → `"GlorotUniform"`; the L1 and L2 names are spelt as TensorFlow.js registers them. */
function className(identifier: string): string {
  if (/^l[12](l2)?$/i.test(identifier)) return "L1L2";
  return identifier.charAt(0).toUpperCase() + identifier.slice(1);
}

/** The serialised form of an object for a layer's config. */
export function serialize(
  object: tf.serialization.Serializable | undefined,
): tf.serialization.ConfigDict | null {
  return object ? { className: object.getClassName(), config: object.getConfig() } : null;
}
