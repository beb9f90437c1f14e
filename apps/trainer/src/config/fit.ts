// Whether a network suits a set of images, told before anything is computed.

import { GmrError } from "@gmr-conv/core";
import type { NetworkConfig, RunData } from "./schema.ts";

/** @throws GmrError `invalid-shape`, naming what was given and expected, and the option to change */
export function checkFit(
  { name, model, train }: Pick<NetworkConfig, "name" | "model" | "train">,
  { title, shape, classNames, task }: Pick<RunData, "title" | "shape" | "classNames" | "task">,
): void {
  const refuse = (problem: string, remedy: string): never => {
    throw new GmrError(
      "invalid-shape",
      `network ${name}${name === model.name ? "" : ` (${model.name})`} ${problem}: ${remedy}`,
    );
  };
  const makesMasks = model.name.includes("unet");
  const other = "choose another with --model (gmr models lists them), or leave it out";
  if (makesMasks !== (task === "segmentation")) {
    const [gives, has] = makesMasks
      ? ["a class for each position", "one class for each image"]
      : ["one class for each image", "masks"];
    refuse(`gives ${gives}, ${title} has ${has}`, other);
  }
  const isForVolumes = model.name.includes("r3d");
  if (!makesMasks && isForVolumes !== (shape.length === 4)) {
    const [takes, has] = isForVolumes ? ["volumes", "images"] : ["images", "volumes"];
    refuse(`takes ${takes}, ${title} has ${has} of ${shape.join("×")}`, other);
  }
  const { inputShape, classes } = model;
  const seen = [...(train.augment?.size ?? shape.slice(0, -1)), shape[shape.length - 1]];
  const suits =
    !Array.isArray(inputShape) ||
    (inputShape.length === seen.length &&
      inputShape.every((length, axis) => length === null || length === seen[axis]));
  if (!suits) {
    refuse(
      `takes images of ${inputShape.map((length) => length ?? "any").join("×")}, those of ${title} are ${seen.join("×")}`,
      "leave out the network's inputShape, or change the images with dataset.size and dataset.channels",
    );
  }
  if (classes !== undefined && classes !== classNames.length) {
    refuse(
      `has ${classes} classes, ${title} has ${classNames.length} (${listed(classNames)})`,
      "leave out the network's classes, or use another data set",
    );
  }
}

const listed = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 3).join(", ")}, …` : names.join(", ");
