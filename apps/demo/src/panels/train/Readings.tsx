// Ten held-out digits that can be turned while the networks learn, with what both make of them.

import { PixelView } from "../../components/PixelView.tsx";
import { NETWORKS } from "../../engine/types.ts";
import { angle, answers, shown } from "./client.ts";
import { NAMES } from "./names.ts";

const SIDE = 28;

export function Readings() {
  const digits = shown.value;
  if (!digits) return null;
  const { images, labels } = digits;
  return (
    <section class="readings wide" aria-label="Held-out digits">
      <header>
        <h2>Turn them while they are learned</h2>
        <label>
          <input
            type="range"
            min={0}
            max={360}
            step={5}
            value={angle.value}
            aria-label="Turn the held-out digits, degrees counter-clockwise"
            onInput={(event) => {
              angle.value = Number(event.currentTarget.value);
            }}
          />
          <output>{angle.value}°</output>
        </label>
      </header>
      <div class="answers">
        <span />
        {labels.map((label, n) => (
          <span key={label} class="digit">
            <span style={{ transform: `rotate(${-angle.value}deg)` }}>
              <PixelView
                values={images.subarray(n * SIDE * SIDE, (n + 1) * SIDE * SIDE)}
                width={SIDE}
                smooth
                label={`The digit ${label}, turned by ${angle.value}°`}
              />
            </span>
          </span>
        ))}
        {NETWORKS.map((name) => {
          const own = answers.value?.[name];
          const right = own?.filter(({ digit }, n) => digit === labels[n]).length;
          return [
            <span key={name} class={`who ${name}`}>
              <strong>{NAMES[name]}</strong>
              <small>{right === undefined ? "" : `${right} of ${labels.length}`}</small>
            </span>,
            ...labels.map((label, n) => {
              const digit = own?.[n].digit;
              return (
                <strong
                  key={`${name} ${label}`}
                  class={`answer ${name} ${digit === undefined || digit === label ? "" : "wrong"}`}
                >
                  {digit ?? "–"}
                </strong>
              );
            }),
          ];
        })}
      </div>
    </section>
  );
}
