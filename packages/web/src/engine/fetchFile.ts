// Files from a server, with errors that say what was expected there.

import { GmrError, reasonOf } from "@gmr-conv/core";

/** @throws GmrError `io`; the signal's reason */
export async function fetchText(address: string, what: string, signal: AbortSignal): Promise<string> {
  return new TextDecoder().decode(await fetchBytes(address, what, signal));
}

/**
 * The bytes at an address.
 * @param what was expected there, such as "the weights of the network"
 * @throws GmrError `io` if the server cannot be reached or has no such file; the signal's reason
 */
export async function fetchBytes(
  address: string,
  what: string,
  signal: AbortSignal,
  onProgress?: (loaded: number, total: number | undefined) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetchFile(address, what, signal);
  const length = response.headers.get("content-length");
  // Of a compressed answer, the header counts the compressed bytes.
  const total = length && !response.headers.get("content-encoding") ? Number(length) : undefined;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  try {
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      parts.push(part.value);
      loaded += part.value.length;
      onProgress?.(loaded, total);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new GmrError("io", `${address}: the connection broke after ${loaded} bytes: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function fetchFile(address: string, what: string, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new GmrError(
      "io",
      `${address}: expected ${what}, but it could not be fetched (${reasonOf(error)}): is the address right, and do the ` +
        "server (CORS) and the page's content security policy allow it?",
      { cause: error },
    );
  }
  if (response.ok) return response;
  throw new GmrError(
    "io",
    `${address}: expected ${what}, the server answered ${response.status} ${response.statusText}`.trimEnd(),
  );
}
