// Images as they lie on the stage: fitted into a frame, turned about its centre and mirrored.

/** How an image is turned, then mirrored left to right. */
export interface Pose {
  /** Clockwise. */
  degrees: number;
  mirrored: boolean;
}

export const UPRIGHT: Pose = { degrees: 0, mirrored: false };

export const isUpright = ({ degrees, mirrored }: Pose): boolean => degrees % 360 === 0 && !mirrored;

export interface Size {
  width: number;
  height: number;
}

/** What can be drawn, and how large it is. */
export interface Drawable extends Size {
  image: CanvasImageSource;
}

export type Fit = "crop" | "stretch" | "pad";

/** Largest side of a frame, pixels: networks for classification see far less of it. */
export const LARGEST_FRAME = 1024;

/**
 * The frame of an image for a network that takes images of some size: of the size's proportions, and the image's
 * resolution.
 */
export function frameOf(image: Size, [height, width]: readonly number[], fit: Fit): Size {
  const across = image.width / width;
  const down = image.height / height;
  const scale = fit === "crop" ? Math.min(across, down) : Math.max(across, down);
  const most = LARGEST_FRAME / Math.max(width, height);
  const bounded = Math.min(scale, most);
  return {
    width: Math.max(1, Math.round(width * bounded)),
    height: Math.max(1, Math.round(height * bounded)),
  };
}

/** The smallest frame that contains the whole image, turned. */
export function boundsOf({ width, height }: Size, { degrees }: Pose): Size {
  const [cos, sin] = [Math.abs(Math.cos(radians(degrees))), Math.abs(Math.sin(radians(degrees)))];
  // Rounded first, so that quarter turns have no rest.
  const side = (a: number, b: number): number => Math.ceil(Number((a * cos + b * sin).toFixed(6)));
  return { width: side(width, height), height: side(height, width) };
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** From the pixels of an image, scaled to some size, to those of a frame. */
export function poseMatrix(image: Size, frame: Size, { degrees, mirrored }: Pose, scaled: Size): DOMMatrix {
  return new DOMMatrix()
    .translate(frame.width / 2, frame.height / 2)
    .scale(mirrored ? -1 : 1, 1)
    .rotate(degrees % 90 === 0 ? degrees % 360 : degrees)
    .scale(scaled.width / image.width, scaled.height / image.height)
    .translate(-image.width / 2, -image.height / 2);
}

/** The size that an image has in a frame before it is turned. */
export function fitted(image: Size, frame: Size, fit: Fit): Size {
  if (fit === "stretch") return frame;
  const across = frame.width / image.width;
  const down = frame.height / image.height;
  const scale = fit === "crop" ? Math.max(across, down) : Math.min(across, down);
  return { width: image.width * scale, height: image.height * scale };
}

const mirrorTiles = new WeakMap<object, OffscreenCanvas>();

/** An image and its mirror images as a tile that repeats without seams. */
function mirrorTile({ image, width, height }: Drawable, keep: boolean): OffscreenCanvas {
  const known = mirrorTiles.get(image);
  if (known) return known;
  const tile = new OffscreenCanvas(2 * width, 2 * height);
  const context = contextOf(tile);
  for (const [x, y] of [
    [1, 1],
    [-1, 1],
    [1, -1],
    [-1, -1],
  ]) {
    context.setTransform(x, 0, 0, y, width, height);
    context.drawImage(image, 0, 0, width, height);
  }
  if (keep) mirrorTiles.set(image, tile);
  return tile;
}

export function contextOf(
  canvas: HTMLCanvasElement | OffscreenCanvas,
): CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true }) as
    | CanvasRenderingContext2D
    | OffscreenCanvasRenderingContext2D
    | null;
  if (!context) throw new Error("this browser cannot draw on a canvas");
  return context;
}

export interface DrawOptions {
  pose: Pose;
  /** Size of the image in the frame. */
  scaled: Size;
  /** Red, green and blue behind the image. */
  background: readonly number[];
  /** Continue the image beyond its borders by its mirror images. */
  mirrorBorders: boolean;
  /** Whether the image stays as it is: then its borders are kept for the next time. */
  still: boolean;
}

/** Draws an image into a canvas that has the size of the frame. */
export function drawPosed(
  canvas: HTMLCanvasElement | OffscreenCanvas,
  drawable: Drawable,
  { pose, scaled, background, mirrorBorders, still }: DrawOptions,
): void {
  const context = contextOf(canvas);
  const matrix = poseMatrix(drawable, canvas, pose, scaled);
  context.imageSmoothingQuality = "high";
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = `rgb(${background.join(" ")})`;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const covers = pose.degrees % 90 === 0 && coversFrame(scaled, canvas, pose);
  if (mirrorBorders && !covers) {
    const pattern = context.createPattern(mirrorTile(drawable, still), "repeat");
    if (pattern) {
      // The image's own pixels are at (width, height) of the tile.
      pattern.setTransform(matrix.translate(-drawable.width, -drawable.height));
      context.fillStyle = pattern;
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
  } else {
    context.setTransform(matrix);
    context.drawImage(drawable.image, 0, 0, drawable.width, drawable.height);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
}

function coversFrame(scaled: Size, frame: Size, { degrees }: Pose): boolean {
  const swapped = degrees % 180 !== 0;
  const [width, height] = swapped ? [scaled.height, scaled.width] : [scaled.width, scaled.height];
  return width >= frame.width - 0.5 && height >= frame.height - 0.5;
}
