// The colours of classes in masks.

/** Apart from each other for most eyes, on light and dark images (Okabe and Ito, 2008, without black). */
const COLOURS = [
  [86, 180, 233],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
] as const;

/** Red, green and blue of a class: the listed colours, then darker and darker ones. */
export function colourOf(index: number): readonly number[] {
  const shade = 0.62 ** Math.floor(index / COLOURS.length);
  return COLOURS[index % COLOURS.length].map((value) => Math.round(value * shade));
}

/** Whether a class is what surrounds everything else, and so is not painted. */
export const isBackground = (name: string, index: number): boolean =>
  index === 0 && /^(background|back ground|none|other|outside|void)$/i.test(name);

/** A mask in the colours of its classes, transparent where a class is hidden. */
export function paintMask(
  mask: Uint8Array,
  width: number,
  height: number,
  shown: (index: number) => boolean,
): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser cannot draw on a canvas");
  const picture = context.createImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  const palette = Uint32Array.from({ length: 256 }, (_, index) => {
    const [r, g, b] = colourOf(index);
    return shown(index) ? (255 << 24) | (b << 16) | (g << 8) | r : 0;
  });
  for (let i = 0; i < mask.length; i++) pixels[i] = palette[mask[i]];
  context.putImageData(picture, 0, 0);
  return canvas;
}
