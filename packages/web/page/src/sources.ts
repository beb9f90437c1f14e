// Where images come from: files, the clipboard, the camera, a drawing.

import { batch } from "@preact/signals";
import { makeDrawing } from "./drawing.ts";
import {
  description,
  type Live,
  notice,
  type Picture,
  pictures,
  pose,
  report,
  result,
  type Source,
  segments,
  source,
  upright,
  version,
} from "./state.ts";
import { LARGEST_FRAME, UPRIGHT } from "./turn.ts";

/** Larger images do not fit into a page's memory several times over, pixels. */
const LARGEST = 60e6;

let ids = 0;

/** Shows another image, upright; leaves the camera. */
export function show(next: Source | undefined): void {
  if (next?.kind !== "camera") stopCamera();
  batch(() => {
    source.value = next;
    pose.value = UPRIGHT;
    result.value = undefined;
    upright.value = undefined;
  });
}

/** Adds image files and shows the first; names those that cannot be read. */
export async function addFiles(files: Iterable<File>): Promise<void> {
  const added: Picture[] = [];
  const refused: string[] = [];
  for (const file of files) {
    try {
      added.push(await openPicture(file));
    } catch (error) {
      refused.push((error as Error).message);
    }
  }
  batch(() => {
    notice.value = refused.length > 0 ? { text: refused.join(" "), kind: "error" } : undefined;
    if (added.length === 0) return;
    pictures.value = [...pictures.value, ...added];
    show(added[0]);
  });
}

async function openPicture(file: File): Promise<Picture> {
  const name = file.name || "pasted image";
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(file);
  } catch {
    const kind = file.type === "" ? "" : ` (${file.type})`;
    throw new Error(
      `${name}${kind} is not an image that this browser can read, or a damaged one: ` +
        "choose a PNG, JPEG, WebP, AVIF or GIF file.",
    );
  }
  if (image.width * image.height > LARGEST) {
    const { width, height } = image;
    image.close();
    throw new Error(
      `${name} has ${width}×${height} pixels, more than a page can hold: choose one of at most 60 million, or use ` +
        "gmr predict.",
    );
  }
  if (!segments.peek()) image = await reduced(image);
  const { width, height } = image;
  return {
    kind: "picture",
    id: ids++,
    name,
    blob: file,
    image,
    width,
    height,
    address: URL.createObjectURL(file),
  };
}

/** A photograph at a resolution that networks for classification do not exceed, so that it turns swiftly. */
async function reduced(image: ImageBitmap): Promise<ImageBitmap> {
  const scale = LARGEST_FRAME / Math.min(image.width, image.height);
  if (scale >= 1) return image;
  const smaller = await createImageBitmap(image, {
    resizeWidth: Math.round(image.width * scale),
    resizeHeight: Math.round(image.height * scale),
    resizeQuality: "high",
  });
  image.close();
  return smaller;
}

/** Forgets a picture. */
export function removePicture(picture: Picture): void {
  const index = pictures.value.indexOf(picture);
  const left = pictures.value.filter((other) => other !== picture);
  URL.revokeObjectURL(picture.address);
  batch(() => {
    pictures.value = left;
    if (source.value === picture) show(left[Math.min(index, left.length - 1)]);
  });
}

let stream: MediaStream | undefined;
let facing: "user" | "environment" = "environment";
/** Which request for the camera is the latest. */
let request = 0;

/** Shows the camera, or the other one if it is shown already. */
export async function startCamera(other = false): Promise<void> {
  const own = ++request;
  if (other) facing = facing === "user" ? "environment" : "user";
  try {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("Pages reach the camera over https or on localhost only.");
    }
    stop(stream);
    const opened = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: facing, width: { ideal: 640 }, height: { ideal: 480 } },
    });
    if (own !== request) return stop(opened);
    stream = opened;
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    await video.play();
    if (own !== request) return;
    for (const track of stream.getTracks()) {
      track.addEventListener("ended", () => {
        if (stream !== opened) return;
        show(undefined);
        notice.value = { text: "The camera was disconnected.", kind: "error" };
      });
    }
    notice.value = undefined;
    const live: Live = { kind: "camera", image: video, width: video.videoWidth, height: video.videoHeight };
    const before = pose.value;
    show(live);
    if (other) pose.value = before;
    followFrames(video, live);
  } catch (error) {
    if (own !== request) return;
    stopCamera();
    report(new Error(cameraProblem(error)));
    if (source.value?.kind === "camera") show(undefined);
  }
}

function followFrames(video: HTMLVideoElement, live: Live): void {
  const next = (): void => {
    if (source.peek() !== live) return;
    live.width = video.videoWidth; // a phone may be turned
    live.height = video.videoHeight;
    version.value++;
    video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
}

function cameraProblem(error: unknown): string {
  switch ((error as Error).name) {
    case "NotAllowedError":
      return "The camera was not allowed: allow it in the browser's settings of this page, or choose a file.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "There is no camera here: choose a file, or draw.";
    case "NotReadableError":
      return "The camera is in use by another program, or does not start.";
    default:
      return (error as Error).message;
  }
}

export function stopCamera(): void {
  request++;
  stop(stream);
  stream = undefined;
}

function stop(opened: MediaStream | undefined): void {
  for (const track of opened?.getTracks() ?? []) track.stop();
}

/** Shows the sheet to draw on. */
export function startDrawing(): void {
  if (!description.value) return;
  notice.value = undefined;
  show(makeDrawing(description.value.shape));
}
