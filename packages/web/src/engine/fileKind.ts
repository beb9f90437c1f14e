// What a file is that is not what was expected, for error messages.

const STARTS: readonly (readonly [start: string, kind: string])[] = [
  ["\x89PNG", "a damaged PNG file"],
  ["\xff\xd8\xff", "a damaged JPEG file"],
  ["GIF8", "a damaged GIF file"],
  ["BM", "a damaged BMP file"],
  ["II*\0", "a TIFF file"],
  ["MM\0*", "a TIFF file"],
  ["%PDF", "a PDF file"],
  ["PK\x03\x04", "a ZIP archive"],
  ["\x1f\x8b", "a gzip file"],
  ["\x93NUMPY", "an NPY file"],
  ["<svg", "an SVG file, which has to be drawn by an <img> element first"],
];

/** Whether a file is a PNG file with 16 bits per channel, of which browsers keep eight. */
export const isDeepPng = (start: Uint8Array): boolean =>
  start[0] === 0x89 && start[1] === 0x50 && start[24] === 16;

export const isJpeg = (start: Uint8Array): boolean => start[0] === 0xff && start[1] === 0xd8;

/** @param start the first bytes of the file @param size of the file in bytes */
export function kindOfFile(start: Uint8Array, size: number): string {
  if (size === 0) return "an empty file";
  const text = String.fromCharCode(...start);
  const known = STARTS.find(([beginning]) => text.startsWith(beginning));
  if (known) return known[1];
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return "a damaged WebP file";
  if (text.slice(4, 8) === "ftyp") return `a file of the kind ${JSON.stringify(text.slice(8, 12))}`;
  if (/^\s*<(!doctype|html)/i.test(text)) return "a web page";
  if (/^[\t\n\r -~]+$/.test(text)) return `text, ${JSON.stringify(text.slice(0, 24))}`;
  return "something else";
}
