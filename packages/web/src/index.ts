/** A trained GMR network in a page: classify and segment images in a worker. */

import { load } from "./load.ts";
import { resources } from "./resources.ts";
import type { Classifier, LoadOptions, Segmenter } from "./types.ts";

export { GmrError, type GmrErrorCode } from "@gmr-conv/core";
export type { ImageReading, NetworkAccuracy, NetworkCard, NetworkDescription } from "./description.ts";
export type {
  BackendInfo,
  Classification,
  Classifier,
  ClassifyOptions,
  ImageSource,
  LoadOptions,
  LoadProgress,
  Segmentation,
  Segmenter,
  SegmentOptions,
  Views,
  WebBackend,
} from "./types.ts";

/**
 * Loads a network that classifies images, in a worker.
 * @param url of the network's folder as `gmr export` wrote it, or of its `network.json`
 * @throws GmrError `io` for a file that cannot be fetched, `invalid-data` for one that is not what it should be,
 *   `invalid-argument` for a network of another task or an invalid option, `unsupported` if no backend works, with the
 *   reasons; the signal's reason
 *
 * @example
 * const classifier = await loadClassifier("/network/");
 * const { classes } = await classifier.classify(input.files[0]);
 * console.log(classes[0].name, classes[0].probability);
 */
export async function loadClassifier(url: string | URL, options?: LoadOptions): Promise<Classifier> {
  return (await load(resources, url, "classification", options)) as Classifier;
}

/**
 * Loads a network that segments images, in a worker.
 * @throws GmrError as {@link loadClassifier}
 *
 * @example
 * const segmenter = await loadSegmenter("/network/");
 * const { mask, pixels } = await segmenter.segment(canvas, { onProgress: ({ done, total }) => bar.value = done / total });
 */
export async function loadSegmenter(url: string | URL, options?: LoadOptions): Promise<Segmenter> {
  return (await load(resources, url, "segmentation", options)) as Segmenter;
}

/**
 * Loads a network, whatever it is for.
 * @throws GmrError as {@link loadClassifier}
 *
 * @example
 * const network = await loadNetwork("/network/");
 * if (network.task === "classification") console.log(await network.classify(image));
 * else console.log(await network.segment(image));
 */
export function loadNetwork(url: string | URL, options?: LoadOptions): Promise<Classifier | Segmenter> {
  return load(resources, url, undefined, options);
}
