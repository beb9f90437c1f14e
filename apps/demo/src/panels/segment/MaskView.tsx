// The image as a network sees it, with its mask: the outline, and where it is not the upright mask turned along.

import { useLayoutEffect, useRef } from "preact/hooks";
import { scheme } from "../../theme.ts";
import { IN_MASK, IN_UPRIGHT, type Mask, SIDE } from "./look.ts";

interface Props {
  seen: Float32Array | undefined;
  mask: Mask | undefined;
  label: string;
}

const ZOOM = 2;
/** Width of the outline. */
const EDGE = 2;

export function MaskView({ seen, mask, label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = scheme.value;
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || !seen || !mask) return;
    const picture = context.createImageData(ZOOM * SIDE, ZOOM * SIDE);
    const style = getComputedStyle(element);
    paint(picture.data, seen, mask.bits, rgb(style.color), rgb(style.accentColor));
    context.putImageData(picture, 0, 0);
  }, [seen, mask, theme]);
  return (
    <canvas
      ref={canvas}
      class="mask"
      width={ZOOM * SIDE}
      height={ZOOM * SIDE}
      role="img"
      aria-label={label}
    />
  );
}

type Colour = readonly [number, number, number];

function paint(
  out: Uint8ClampedArray,
  seen: Float32Array,
  bits: Uint8Array,
  outline: Colour,
  changed: Colour,
): void {
  const side = ZOOM * SIDE;
  const inside = (x: number, y: number): boolean =>
    x >= 0 &&
    y >= 0 &&
    x < side &&
    y < side &&
    (bits[Math.floor(y / ZOOM) * SIDE + Math.floor(x / ZOOM)] & IN_MASK) !== 0;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const pixel = Math.floor(y / ZOOM) * SIDE + Math.floor(x / ZOOM);
      const grey = 255 * seen[pixel] ** 0.65; // nuclei are faint
      const own = bits[pixel];
      const edge =
        (own & IN_MASK) !== 0 &&
        !(inside(x - EDGE, y) && inside(x + EDGE, y) && inside(x, y - EDGE) && inside(x, y + EDGE));
      const differs = own === IN_MASK || own === IN_UPRIGHT;
      const colour = edge ? outline : changed;
      const share = edge ? 1 : differs ? 0.85 : 0;
      const at = 4 * (y * side + x);
      for (let c = 0; c < 3; c++) out[at + c] = grey + share * (colour[c] - grey);
      out[at + 3] = 255;
    }
  }
}

/** The numbers of a computed colour, `rgb(…)`. */
function rgb(text: string): Colour {
  const [red = 255, green = 255, blue = 255] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}
