import type { Signal } from "@preact/signals";

interface Props {
  mirrorX: Signal<boolean>;
  mirrorY: Signal<boolean>;
}

/** Two toggles: left and right, up and down. */
export function MirrorButtons({ mirrorX, mirrorY }: Props) {
  return (
    <fieldset class="buttons">
      <legend class="unseen">Mirror</legend>
      <Toggle on={mirrorX} text="Mirror ↔" label="Mirror left and right" />
      <Toggle on={mirrorY} text="Mirror ↕" label="Mirror upside down" />
    </fieldset>
  );
}

function Toggle({ on, text, label }: { on: Signal<boolean>; text: string; label: string }) {
  return (
    <button
      type="button"
      aria-pressed={on.value}
      aria-label={label}
      onClick={() => {
        on.value = !on.value;
      }}
    >
      {text}
    </button>
  );
}
