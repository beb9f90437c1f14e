// A grey image, or a map of signed numbers, as a small canvas with square pixels.

import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  /** [height · width] */
  values: ArrayLike<number>;
  width: number;
  height?: number;
  /** Grey: black to white from 0 to `largest`. Signed: blue for negative, orange for positive numbers. */
  palette?: "grey" | "signed";
  /** Value of the strongest colour; default 1. */
  largest?: number;
  /** What it shows; empty if that is said elsewhere. */
  label: string;
  class?: string;
  smooth?: boolean;
}

const POSITIVE = [214, 84, 48] as const;
const NEGATIVE = [38, 120, 214] as const;

export function PixelView(props: Props) {
  const { values, width, palette = "grey", largest = 1, label, smooth = false } = props;
  const height = props.height ?? values.length / width;
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const picture = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const share = Math.min(1, Math.abs(values[i]) / (largest || 1));
      const colour = palette === "grey" ? GREY(share) : values[i] < 0 ? NEGATIVE : POSITIVE;
      picture.data.set(colour, 4 * i);
      picture.data[4 * i + 3] = palette === "grey" ? 255 : Math.round(255 * share);
    }
    context.putImageData(picture, 0, 0);
  }, [values, width, height, palette, largest]);
  return (
    <canvas
      ref={canvas}
      class={`pixels ${smooth ? "smooth" : ""} ${palette} ${props.class ?? ""}`}
      width={width}
      height={height}
      {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })}
    />
  );
}

const GREY = (share: number): readonly [number, number, number] => {
  const byte = Math.round(255 * share);
  return [byte, byte, byte];
};
