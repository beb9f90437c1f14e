// Answers of the network for what is on the stage. One is computed at a time; whatever changes meanwhile is
// answered next, and what lies between is left out.

import { effect } from "@preact/signals";
import type { Classifier, NetworkDescription, Segmenter } from "../../dist/index.js";
import { blank, paper } from "./drawing.ts";
import {
  backend,
  busy,
  classFrame,
  description,
  fitOf,
  network,
  notice,
  pose,
  report,
  result,
  type Source,
  source,
  switching,
  upright,
  version,
  working,
} from "./state.ts";
import { boundsOf, drawPosed, fitted, isUpright, type Pose, poseMatrix } from "./turn.ts";

/** Shortest time between two answers for a live image, milliseconds. */
const LIVE_INTERVAL = 180;

/** Answers that take longer than this wait until the image rests. */
const IMMEDIATE = 400;
const REST = 350;

/** Larger images get no mirrored borders, which need four times their memory; pixels. */
const MOST_MIRRORED = 8e6;

let wanted = false;
let running = false;
let current: AbortController | undefined;

/** Answers anew whenever the image, its pose or the backend changes. */
export function keepAnswering(): void {
  effect(() => {
    if (!network.value || switching.value) return;
    void [source.value, version.value, pose.value, backend.value];
    wanted = true;
    current?.abort();
    void answerAll();
  });
}

async function answerAll(): Promise<void> {
  if (running) return;
  running = true;
  try {
    while (wanted && !switching.value) {
      wanted = false;
      const [of, shown, described] = [network.value, source.value, description.value];
      if (!of || !shown || !described) break;
      const begin = performance.now();
      busy.value = shown.kind !== "camera";
      await answerOnce(of, shown, described);
      if (shown.kind === "camera") await pause(LIVE_INTERVAL - (performance.now() - begin));
    }
  } finally {
    running = false;
    busy.value = false;
    working.value = undefined;
  }
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));

async function answerOnce(
  of: Classifier | Segmenter,
  shown: Source,
  described: NetworkDescription,
): Promise<void> {
  const at = pose.peek();
  if (shown.kind === "drawing" && blank.peek()) {
    result.value = undefined;
    return;
  }
  try {
    if (of.task === "classification") await classify(of, shown, at, described);
    else await segment(of, shown, at, described);
    noticeBackend(of);
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") return;
    if (source.peek() !== shown) return;
    result.value = undefined;
    report(error);
  }
}

/** Says so if the network went on elsewhere, because its GPU was lost. */
function noticeBackend(of: Classifier | Segmenter): void {
  if (of.backend.name === backend.peek()?.name) return;
  backend.value = of.backend;
  const [why] = of.backend.skipped;
  notice.value = {
    text: `The network was moved to another backend: ${why?.reason ?? "the GPU was lost"}.`,
    kind: "note",
  };
}

async function classify(
  classifier: Classifier,
  shown: Source,
  at: Pose,
  described: NetworkDescription,
): Promise<void> {
  const straight = shown.kind === "picture" && isUpright(at);
  // The file itself where it is not turned: the network reads it exactly as the command line does.
  const { classes, milliseconds } = await classifier.classify(
    straight ? shown.blob : posed(shown, at, described),
  );
  if (source.peek() !== shown) return;
  result.value = { kind: "classes", classes, milliseconds };
  if (straight) upright.value = classes[0];
}

/** What the network sees of an image in some pose. */
export function posed(shown: Source, at: Pose, described: NetworkDescription): OffscreenCanvas {
  const frame = classFrame(described, shown);
  const canvas = new OffscreenCanvas(frame.width, frame.height);
  drawClasses(canvas, shown, at, described);
  return canvas;
}

/** Draws an image as a network that classifies sees it, into a canvas of the size of its frame. */
export function drawClasses(
  canvas: HTMLCanvasElement | OffscreenCanvas,
  shown: Source,
  at: Pose,
  described: NetworkDescription,
): void {
  const fit = fitOf(described);
  const drawn = shown.kind === "drawing";
  drawPosed(canvas, shown, {
    pose: at,
    scaled: fitted(shown, canvas, fit),
    background: drawn ? paper() : (described.reading.background ?? [0, 0, 0]),
    mirrorBorders: fit !== "pad" && !drawn,
    still: shown.kind === "picture",
  });
}

async function segment(
  segmenter: Segmenter,
  shown: Source,
  at: Pose,
  described: NetworkDescription,
): Promise<void> {
  const before = result.peek();
  if (before?.kind === "mask" && before.milliseconds > IMMEDIATE && shown.kind === "picture") {
    await pause(REST);
    if (wanted) return;
  }
  const controller = new AbortController();
  current = controller;
  working.value = { done: 0, total: 1 };
  const frame = boundsOf(shown, at);
  const straight = shown.kind === "picture" && isUpright(at);
  const canvas = straight ? undefined : new OffscreenCanvas(frame.width, frame.height);
  if (canvas) {
    drawPosed(canvas, shown, {
      pose: at,
      scaled: shown,
      background: described.reading.background ?? [0, 0, 0],
      mirrorBorders: shown.width * shown.height < MOST_MIRRORED,
      still: shown.kind === "picture",
    });
  }
  const { mask, width, height, milliseconds } = await segmenter.segment(
    canvas ?? (shown as { blob: Blob }).blob,
    {
      // A live image moves faster than its answers: each is finished.
      ...(shown.kind === "picture" ? { signal: controller.signal } : {}),
      onProgress: (progress) => {
        if (!controller.signal.aborted) working.value = progress;
      },
    },
  );
  if (source.peek() !== shown) return;
  if (width !== frame.width || height !== frame.height) {
    throw new Error(`The mask has ${width}×${height} pixels, the image ${frame.width}×${frame.height}.`);
  }
  const shares = sharesWithin(mask, shown, frame, at, described.classNames.length);
  result.value = { kind: "mask", mask, frame, pose: at, shares, milliseconds };
  working.value = undefined;
}

/** Shares of the classes within an image that may be turned in its frame; what is outside becomes class 0. */
function sharesWithin(
  mask: Uint8Array,
  image: { width: number; height: number },
  frame: { width: number; height: number },
  at: Pose,
  classes: number,
): number[] {
  const counts = new Array<number>(classes).fill(0);
  const { a, b, c, d, e, f } = poseMatrix(image, frame, at, image).inverse();
  for (let y = 0, i = 0; y < frame.height; y++) {
    for (let x = 0; x < frame.width; x++, i++) {
      const u = a * (x + 0.5) + c * (y + 0.5) + e;
      const v = b * (x + 0.5) + d * (y + 0.5) + f;
      if (u >= 0 && v >= 0 && u <= image.width && v <= image.height) counts[mask[i]]++;
      else mask[i] = 0;
    }
  }
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / all);
}
