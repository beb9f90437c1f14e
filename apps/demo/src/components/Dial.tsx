// A rotation dial: drag anywhere on the ring, the arrow keys, or the wheel.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  /** Counter-clockwise from the top. */
  degrees: number;
  onTurn(degrees: number): void;
  /** What is turned, for people who do not see it. */
  label: string;
  children: ComponentChildren;
}

const TICKS = Array.from({ length: 36 }, (_, i) => i * 10);

export function Dial({ degrees, onTurn, label, children }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const current = useRef(degrees);
  current.current = degrees;
  const grabbed = useRef<number | undefined>(undefined);

  useEffect(() => {
    // Not by a property: Preact's listeners may be passive, and the page must not scroll.
    const dial = element.current;
    const turn = (event: WheelEvent): void => {
      if (event.ctrlKey || document.activeElement !== dial) return; // others scroll and zoom the page
      event.preventDefault();
      onTurn(current.current - Math.sign(event.deltaY) * 5);
    };
    dial?.addEventListener("wheel", turn, { passive: false });
    return () => dial?.removeEventListener("wheel", turn);
  }, [onTurn]);

  const angleAt = (event: PointerEvent): number => {
    const box = element.current!.getBoundingClientRect();
    const x = event.clientX - (box.left + box.width / 2);
    const y = event.clientY - (box.top + box.height / 2);
    return (Math.atan2(-x, -y) * 180) / Math.PI;
  };

  const keys: Record<string, number> = {
    ArrowLeft: 5,
    ArrowUp: 5,
    ArrowRight: -5,
    ArrowDown: -5,
    PageUp: 45,
    PageDown: -45,
  };

  return (
    <div
      ref={element}
      class="dial"
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={360}
      aria-valuenow={Math.round(degrees)}
      aria-valuetext={`${Math.round(degrees)}° counter-clockwise`}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        grabbed.current = current.current - angleAt(event);
        event.currentTarget.focus();
        onTurn(current.current); // whoever touches it takes over
      }}
      onPointerMove={(event) => {
        if (grabbed.current !== undefined) onTurn(grabbed.current + angleAt(event));
      }}
      onPointerUp={() => {
        grabbed.current = undefined;
      }}
      onPointerCancel={() => {
        grabbed.current = undefined;
      }}
      onKeyDown={(event) => {
        const step = keys[event.key];
        if (event.key === "Home") onTurn(0);
        else if (step !== undefined) onTurn(current.current + (event.shiftKey ? Math.sign(step) : step));
        else return;
        event.preventDefault();
      }}
    >
      <svg viewBox="-100 -100 200 200" aria-hidden="true">
        <circle class="dial-ring" r="88" />
        {TICKS.map((tick) => (
          <line
            key={tick}
            class={tick % 90 === 0 ? "dial-tick quarter" : "dial-tick"}
            y1="-96"
            y2={tick % 90 === 0 ? "-88" : "-92"}
            transform={`rotate(${-tick})`}
          />
        ))}
        <g transform={`rotate(${-degrees})`}>
          <line class="dial-hand" y1="-88" y2="-78" />
          <circle class="dial-handle" cy="-88" r="7" />
        </g>
      </svg>
      <div class="dial-face" style={{ transform: `rotate(${-degrees}deg)` }}>
        {children}
      </div>
    </div>
  );
}
