import { removePicture, show } from "../sources.ts";
import { pictures, source } from "../state.ts";

/** The images chosen so far. */
export function Pictures() {
  if (pictures.value.length < 2 && source.value?.kind === "picture") return null;
  if (pictures.value.length === 0) return null;
  return (
    <ul class="pictures" aria-label="Chosen images">
      {pictures.value.map((picture) => (
        <li key={picture.id}>
          <button
            type="button"
            class="thumbnail"
            aria-pressed={source.value === picture}
            aria-label={`Show ${picture.name}`}
            title={picture.name}
            onClick={() => show(picture)}
          >
            <img src={picture.address} alt="" width="72" height="72" loading="lazy" />
          </button>
          <button
            type="button"
            class="remove"
            aria-label={`Remove ${picture.name}`}
            title="Remove"
            onClick={() => removePicture(picture)}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}
