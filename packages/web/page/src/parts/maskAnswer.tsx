import { colourOf, paintMask } from "../colours.ts";
import { greyPng } from "../png.ts";
import { description, hiddenClasses, type Mask, opacity, report, source, working } from "../state.ts";
import { percent } from "./percent.ts";

/** The classes of a mask with their shares, and what can be done with it. */
export function MaskAnswer({ answer }: { answer: Mask }) {
  const names = description.value?.classNames ?? [];
  const hidden = hiddenClasses.value;
  const task = working.value;
  return (
    <>
      <h2>Mask</h2>
      <ul class="legend">
        {names.map((name, index) => (
          <li key={name}>
            <label>
              <input
                type="checkbox"
                checked={!hidden.has(index)}
                onChange={({ currentTarget }) => {
                  const next = new Set(hidden);
                  if (currentTarget.checked) next.delete(index);
                  else next.add(index);
                  hiddenClasses.value = next;
                }}
              />
              <span
                class="swatch"
                style={{ backgroundColor: `rgb(${colourOf(index).join(" ")})` }}
                aria-hidden="true"
              />
              <span class="name">{name}</span>
            </label>
            <data class="share" value={answer.shares[index]}>
              {percent(answer.shares[index])}
            </data>
          </li>
        ))}
      </ul>
      <div class="opacity">
        <label for="opacity">Opacity of the mask</label>
        <input
          id="opacity"
          type="range"
          min="0"
          max="1"
          step="0.05"
          value={opacity.value}
          aria-valuetext={`${Math.round(100 * opacity.value)} percent`}
          onInput={({ currentTarget }) => {
            opacity.value = Number(currentTarget.value);
          }}
        />
      </div>
      <div class="toolbar">
        <button type="button" onClick={() => void download(answer, "numbers")}>
          Download mask
        </button>
        <button type="button" onClick={() => void download(answer, "colours")}>
          Download in colour
        </button>
      </div>
      <p class="muted small">
        {answer.frame.width}×{answer.frame.height} pixels in {Math.round(answer.milliseconds)} ms. A mask has
        each pixel's class as a grey value: 0 for {names[0]}, 1 for {names[1]}
        {names.length > 2 && " and so on"}.
      </p>
      {task && source.value?.kind !== "camera" && (
        <p class="small muted refreshing">
          Computing the mask of the turned image…{" "}
          {task.total > 1 && <progress max={task.total} value={task.done} aria-label="Tiles done" />}
        </p>
      )}
    </>
  );
}

async function download({ mask, frame }: Mask, as: "numbers" | "colours"): Promise<void> {
  try {
    const { width, height } = frame;
    const hidden = hiddenClasses.peek();
    const file =
      as === "numbers"
        ? await greyPng(mask, width, height)
        : await paintMask(mask, width, height, (index) => !hidden.has(index)).convertToBlob();
    const shown = source.peek();
    const stem = shown?.kind === "picture" ? shown.name.replace(/\.\w+$/, "") : (shown?.kind ?? "image");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `${stem}-${as === "numbers" ? "mask" : "mask-colours"}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    report(error);
  }
}
