// The digits to train on and those held out, as scripts/digits.mjs writes them: gzip of the labels, then the pixels.

import { GmrError } from "@gmr-conv/core";
import { type Dataset, datasetOf } from "@gmr-conv/data";

const PIXELS = 28 * 28;
const CLASSES = Array.from({ length: 10 }, (_, digit) => String(digit));

export interface Digits {
  train: Dataset;
  heldOut: Dataset;
}

/** @param base address of the page's folder @throws GmrError `io`, `invalid-data` */
export async function loadDigits(base: string): Promise<Digits> {
  const load = async (name: string): Promise<Dataset> =>
    digitsOf(await unpacked(await fetchFile(new URL(`digits/${name}.bin`, base))), name);
  const [train, heldOut] = await Promise.all([load("train"), load("held-out")]);
  return { train, heldOut };
}

async function fetchFile(url: URL): Promise<Response> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new GmrError("io", "The digits could not be loaded: is there a connection?", { cause });
  });
  if (response.ok) return response;
  throw new GmrError("io", `${url.pathname} could not be loaded: the server answered ${response.status}`);
}

async function unpacked({ body, url }: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const plain = body!.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch (cause) {
    throw new GmrError("invalid-data", `${url} is not the file of digits: expected gzip`, { cause });
  }
}

/** @param bytes [N] labels, then [N · 28 · 28] pixels @throws GmrError `invalid-data` */
export function digitsOf(bytes: Uint8Array, name: string): Dataset {
  const count = bytes.length / (1 + PIXELS);
  const labels = bytes.slice(0, count);
  if (!Number.isInteger(count) || count === 0 || labels.some((label) => label > 9)) {
    throw new GmrError(
      "invalid-data",
      `the digits "${name}" are damaged: ${bytes.length} bytes, expected a label from 0 to 9 and ${PIXELS} pixels for each`,
    );
  }
  return datasetOf({
    name,
    count,
    shape: [28, 28, 1],
    images: bytes.slice(count),
    labels,
    classNames: CLASSES,
  });
}
