// Files that are part of the code, so that no bundler or page has to be told where they are.

import { GmrError } from "@gmr-conv/core";

/** The bytes of a base64-encoded file. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * The bytes of a base64-encoded file that is compressed with gzip.
 * @throws GmrError `unsupported` in browsers that cannot decompress (those before 2023)
 */
export async function unpacked(base64: string): Promise<ArrayBuffer> {
  if (typeof DecompressionStream === "undefined") {
    throw new GmrError(
      "unsupported",
      "this browser has no DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 have it): update it, or serve " +
        "the .wasm files of @tensorflow/tfjs-backend-wasm and name their folder: useWasm({ wasmPaths })",
    );
  }
  const packed = new Blob([bytesOf(base64)]).stream();
  return await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
