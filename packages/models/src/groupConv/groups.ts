// The groups of group convolutions (Cohen & Welling 2016, arXiv 1602.07576): shifts with turns by 90° (p4), and with
// mirror images as well (p4m). A feature map has |G|·F channels, ordered [element of the group, feature].

import { describeValue, GmrError, oneOf } from "@gmr-conv/core";
import { DIHEDRAL_GROUP, type Symmetry } from "@gmr-conv/core/equivariance";
import type * as tf from "@tensorflow/tfjs";

/** `p4`: the 4 turns by 90°. `p4m`: these and the 4 mirror images. */
export type PlaneGroup = "p4" | "p4m";

const ELEMENTS: Readonly<Record<PlaneGroup, readonly Symmetry[]>> = {
  p4: DIHEDRAL_GROUP.filter(({ reflection }) => !reflection),
  p4m: DIHEDRAL_GROUP,
};

/** @throws GmrError `invalid-argument` unless `value` names a group */
export function checkGroup(group: unknown): PlaneGroup {
  return oneOf("group", group, ["p4", "p4m"]);
}

/**
 * The turns and mirror images of a group, in the order of the channels; the first is the identity.
 * @throws GmrError `invalid-argument` for another group
 */
export function groupElements(group: PlaneGroup): readonly Symmetry[] {
  return ELEMENTS[checkGroup(group)];
}

/** Requirements on a layer's input. */
interface InputSpec {
  /** Number of group elements that the channels are ordered by; 1 for images. */
  order: number;
  /** Number of axes; undefined for any. */
  rank?: number;
}

/**
 * Channels per element of the group of a layer's input.
 * @throws GmrError `invalid-shape`, naming the layer
 */
export function channelsPerElement(
  { name }: tf.layers.Layer,
  inputShape: tf.Shape | tf.Shape[],
  { order, rank }: InputSpec,
): number {
  const shape = oneShape(inputShape);
  const channels = shape[shape.length - 1];
  if (channels != null && channels % order === 0 && (rank === undefined || shape.length === rank)) {
    return channels / order;
  }
  throw new GmrError(
    "invalid-shape",
    `layer ${name} needs inputs ${rank === 4 ? "[N, H, W, C]" : "[N, ..., C]"} with C ` +
      `${order === 1 ? "known" : `a multiple of ${order}`}, got ${describeValue(shape)}`,
  );
}

/** The shape of a layer's single input. */
export function oneShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
  return (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tf.Shape;
}
