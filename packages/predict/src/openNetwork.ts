// Exported networks in Node, from image files to answers.

import { fileURLToPath } from "node:url";
import { useWasm } from "@gmr-conv/backend-wasm";
import { checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import { decodeImage, type ImageInput, imageLimits } from "@gmr-conv/data/node";
import { planTiles, segmentTiles, type TestTimeViews, type TileOptions } from "@gmr-conv/training";
import type { NetworkDescription } from "@gmr-conv/web/description";
import * as tf from "@tensorflow/tfjs";
import { classifyImage } from "./classifyImage.ts";
import { readNetworkFolder } from "./networkFolder.ts";

/** A class with its probability. */
export interface ClassShare<Name extends string = string> {
  name: Name;
  /** From 0 to 1. */
  probability: number;
}

export interface Classification<Name extends string = string> {
  /** All classes, the most probable first. */
  classes: ClassShare<Name>[];
}

export interface ClassifyOptions {
  /** Average over mirror images, or over all turns by 90° and mirror images. Default `"none"`. */
  views?: TestTimeViews | undefined;
}

/** A network that classifies images. */
export interface NodeClassifier {
  readonly task: "classification";
  readonly description: NetworkDescription;
  /**
   * The probabilities of the classes of an image.
   * @throws GmrError `io` and `invalid-data` for files that cannot be read; `invalid-argument` and `invalid-shape` for
   *   other values
   */
  predict(image: ImageInput | URL, options?: ClassifyOptions): Promise<Classification>;
  /** Frees its weights. */
  dispose(): void;
}

export interface Mask {
  /** The class of each pixel, as an index into the class names: [height, width] flat. */
  mask: Uint8Array;
  width: number;
  height: number;
  /** Number of pixels of each class. */
  pixels: number[];
}

export interface SegmentOptions extends ClassifyOptions, TileOptions {
  /** Called after each tile of a large image. */
  onTile?: ((done: number, total: number) => void) | undefined;
}

/** A network that segments images. */
export interface NodeSegmenter {
  readonly task: "segmentation";
  readonly description: NetworkDescription;
  /**
   * The class of each pixel of an image of any size, tile by tile.
   * @throws GmrError as `predict` of a {@link NodeClassifier}
   */
  predict(image: ImageInput | URL, options?: SegmentOptions): Promise<Mask>;
  /** Frees its weights. */
  dispose(): void;
}

const CLASSIFY: KeysOf<ClassifyOptions> = { views: true };
const SEGMENT: KeysOf<SegmentOptions> = { views: true, tile: true, overlap: true, onTile: true };

/**
 * Opens the folder of a network that classifies images, as `gmr export` writes it. Starts the WebAssembly backend,
 * unless a backend is active already.
 * @throws GmrError `io` for missing files; `invalid-data` for damaged ones; `unsupported` for other networks
 */
export async function openClassifier(folder: string | URL): Promise<NodeClassifier> {
  const { description, model } = await open(folder, "classification");
  const { classNames, normalization, reading, shape } = description;
  const network = { model, shape, reading };
  return {
    task: "classification",
    description,
    async predict(image, options = {}) {
      const { views } = checkKeys("the options of predict", options, CLASSIFY);
      const p = await classifyImage(network, pathOf(image), {
        normalization: normalization ?? undefined,
        views,
      });
      const classes = classNames.map((name, k) => ({ name, probability: p[k] }));
      return { classes: classes.sort((a, b) => b.probability - a.probability) };
    },
    dispose: () => model.dispose(),
  };
}

/**
 * Opens the folder of a network that segments images, as {@link openClassifier} does.
 * @throws GmrError as {@link openClassifier}
 */
export async function openSegmenter(folder: string | URL): Promise<NodeSegmenter> {
  const { description, model } = await open(folder, "segmentation");
  const { normalization, reading, shape } = description;
  const channels = shape[2] as 1 | 3;
  return {
    task: "segmentation",
    description,
    async predict(image, options = {}) {
      const { views, onTile, ...tiles } = checkKeys("the options of predict", options, SEGMENT);
      const file = pathOf(image);
      const range = (await imageLimits(file, reading.range)) ?? reading.range;
      const { data, shape: own } = await decodeImage(file, { ...reading, range, channels });
      const [height, width] = own;
      const mask = new Uint8Array(height * width);
      let written = 0;
      const pixels = await segmentTiles(
        model,
        planTiles([height, width], shape, tiles),
        {
          channels,
          read: (top, rows) => data.subarray(top * width * channels, (top + rows) * width * channels),
          write(rows) {
            mask.set(rows, written);
            written += rows.length;
          },
          onTile,
        },
        { normalization: normalization ?? undefined, views },
      );
      return { mask, width, height, pixels };
    },
    dispose: () => model.dispose(),
  };
}

async function open(
  folder: string | URL,
  task: NetworkDescription["task"],
): Promise<Awaited<ReturnType<typeof readNetworkFolder>>> {
  if (!tf.getBackend()) await useWasm();
  const place = pathOf(folder);
  const opened = await readNetworkFolder(place);
  const { description, model } = opened;
  const why =
    description.task !== task
      ? `is for ${description.task}: open it with ${task === "segmentation" ? "openClassifier" : "openSegmenter"}`
      : undefined;
  if (why === undefined) return opened;
  model.dispose();
  throw new GmrError("unsupported", `the network in ${place} ${why}`);
}

const pathOf = <T>(image: T | URL): T | string => (image instanceof URL ? fileURLToPath(image) : image);
