import type { Dataset } from "@gmr-conv/data";

/** The SHA-256 of concatenated arrays and texts. */
export async function digestOf(parts: Iterable<ArrayBufferView | string>): Promise<string> {
  const bytes = [...parts].map((part) =>
    typeof part === "string"
      ? new TextEncoder().encode(part)
      : new Uint8Array(part.buffer, part.byteOffset, part.byteLength),
  );
  const all = new Uint8Array(bytes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of bytes) {
    all.set(part, at);
    at += part.length;
  }
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Number of examples that identify a data set. */
const SAMPLES = 64;

/**
 * Identifies a data set by its shape, its labels and the content of some examples spread over it. Reading all of a
 * large one would take too long.
 */
export async function fingerprint(dataset: Dataset): Promise<string> {
  const { shape, count, classNames, labels } = dataset;
  const indices = Array.from({ length: Math.min(SAMPLES, count) }, (_, n) =>
    Math.floor((n * count) / Math.min(SAMPLES, count)),
  );
  const { images, labels: own } = await dataset.read(indices);
  return digestOf([
    `[${shape}] ${count}\n${classNames.join("\n")}\n`,
    ...(labels ? [Int32Array.from(labels)] : []),
    images,
    own,
  ]);
}
