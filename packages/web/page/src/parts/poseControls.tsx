import { pose, source } from "../state.ts";
import { isUpright, type Pose, UPRIGHT } from "../turn.ts";

/** Turns and mirrors the image. */
export function PoseControls() {
  const { degrees, mirrored } = pose.value;
  const disabled = source.value === undefined;
  const set = (next: Partial<Pose>): void => {
    pose.value = { ...pose.value, ...next };
  };
  return (
    <div class="pose">
      <label for="turn">Turn</label>
      <output for="turn">
        {degrees === 0 ? "upright" : `${Math.abs(degrees)}° ${degrees > 0 ? "right" : "left"}`}
      </output>
      <input
        id="turn"
        type="range"
        min="-180"
        max="180"
        step="1"
        list="quarters"
        value={degrees}
        disabled={disabled}
        aria-valuetext={`${degrees} degrees`}
        onInput={({ currentTarget }) => set({ degrees: Number(currentTarget.value) })}
      />
      <datalist id="quarters">
        {[-180, -90, 0, 90, 180].map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
      <div class="toolbar">
        <button
          type="button"
          disabled={disabled}
          onClick={() => set({ degrees: degrees >= 135 ? degrees - 315 : degrees + 45 })}
        >
          45° further
        </button>
        <button
          type="button"
          disabled={disabled}
          aria-pressed={mirrored}
          onClick={() => set({ mirrored: !mirrored })}
        >
          Mirror
        </button>
        <button
          type="button"
          disabled={disabled || isUpright(pose.value)}
          onClick={() => {
            pose.value = UPRIGHT;
          }}
        >
          Upright
        </button>
      </div>
    </div>
  );
}
