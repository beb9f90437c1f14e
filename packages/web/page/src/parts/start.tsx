import { useRef } from "preact/hooks";
import { addFiles, startCamera, startDrawing } from "../sources.ts";
import { description, source } from "../state.ts";

/** The ways to an image. */
export function Start() {
  const input = useRef<HTMLInputElement>(null);
  const kind = source.value?.kind;
  const ready = description.value !== undefined;
  return (
    <div class="toolbar">
      <button type="button" class="primary" disabled={!ready} onClick={() => input.current?.click()}>
        Choose images
      </button>
      <input
        ref={input}
        type="file"
        accept="image/*"
        multiple
        hidden
        aria-label="Images"
        onChange={({ currentTarget }) => {
          void addFiles([...(currentTarget.files ?? [])]);
          currentTarget.value = ""; // so that the same file can be chosen again
        }}
      />
      <button
        type="button"
        disabled={!ready}
        aria-pressed={kind === "camera"}
        onClick={() => void startCamera()}
      >
        Camera
      </button>
      <button type="button" disabled={!ready} aria-pressed={kind === "drawing"} onClick={startDrawing}>
        Draw
      </button>
    </div>
  );
}
