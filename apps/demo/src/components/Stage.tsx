// An image under a dial that turns by itself until somebody takes it.

import { type Signal, useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { type PoseSignals, reducedMotion } from "../pose.ts";
import { Dial } from "./Dial.tsx";
import { MirrorButtons } from "./MirrorButtons.tsx";
import { PixelView } from "./PixelView.tsx";
import "./stage.css";

/** Dials that somebody has taken; remembered while the page is open. */
const taken = new WeakSet<PoseSignals>();

export interface Turning {
  position: PoseSignals;
  /** Whether it turns by itself. */
  turning: Signal<boolean>;
  /** Turns it to an angle, by hand. */
  turn(angle: number): void;
  toggle(): void;
}

/**
 * @param speed degrees per second
 * @param isReady whether there is an answer already: no angle is to be missed
 */
export function useTurning(position: PoseSignals, speed: number, isReady: () => boolean): Turning {
  const turning = useSignal(!taken.has(position) && !reducedMotion());
  useEffect(() => {
    if (!turning.value) return;
    let last: number | undefined;
    let frame = requestAnimationFrame(function step(now: number) {
      if (!turning.peek()) return; // taken since the last render
      // Never far at once, after the tab was hidden.
      if (last !== undefined && isReady()) {
        position.turnTo(position.degrees.peek() + Math.min(0.1, (now - last) / 1000) * speed);
      }
      last = now;
      frame = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(frame);
  }, [turning.value]);
  const turn = useCallback(
    (angle: number) => {
      taken.add(position);
      turning.value = false;
      position.turnTo(angle);
    },
    [position, turning],
  );
  const toggle = (): void => {
    taken.add(position);
    turning.value = !turning.value;
  };
  return { position, turning, turn, toggle };
}

interface Props extends Turning {
  /** [side · side] */
  image: { pixels: Float32Array; title: string } | undefined;
  side: number;
}

export function Stage({ position, turning, turn, toggle, image, side }: Props) {
  const { degrees, mirrorX, mirrorY } = position;
  return (
    <section class="stage" aria-label="The image">
      <Dial degrees={degrees.value} onTurn={turn} label="Turn the image">
        {image && (
          <PixelView
            values={image.pixels}
            width={side}
            smooth
            class={`${mirrorX.value ? "mirror-x" : ""} ${mirrorY.value ? "mirror-y" : ""}`}
            label={image.title}
          />
        )}
      </Dial>
      <p class="angle">{Math.round(degrees.value) % 360}°</p>
      <div class="controls">
        <button type="button" aria-pressed={turning.value} onClick={toggle}>
          {turning.value ? "❚❚ Stop" : "▶ Turn slowly"}
        </button>
        <button type="button" onClick={() => turn(0)}>
          Upright
        </button>
        <MirrorButtons mirrorX={mirrorX} mirrorY={mirrorY} />
      </div>
    </section>
  );
}
