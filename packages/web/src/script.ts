// The package for pages without a bundler: `<script src="gmr-web.js">` defines `gmrWeb`. Its other files are found beside
// it.

import { load } from "./load.ts";
import type { Resources } from "./resources.ts";
import type { Classifier, LoadOptions, Segmenter } from "./types.ts";

export { GmrError } from "@gmr-conv/core";

const own = document.currentScript as HTMLScriptElement | null;
const beside = (file: string): string => new URL(file, own?.src || document.baseURI).href;

const resources: Resources = {
  startWorker: () => new Worker(beside("worker.js")),
  workerText: () => import(/* @vite-ignore */ beside("prebuilt/workerText.js")),
  engine: () => import(/* @vite-ignore */ beside("prebuilt/engine.js")),
};

export const loadClassifier = (url: string | URL, options?: LoadOptions): Promise<Classifier> =>
  load(resources, url, "classification", options) as Promise<Classifier>;

export const loadSegmenter = (url: string | URL, options?: LoadOptions): Promise<Segmenter> =>
  load(resources, url, "segmentation", options) as Promise<Segmenter>;

export const loadNetwork = (url: string | URL, options?: LoadOptions): Promise<Classifier | Segmenter> =>
  load(resources, url, undefined, options);
