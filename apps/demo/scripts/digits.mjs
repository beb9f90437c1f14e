// Writes public/digits: training digits and held-out test digits of MNIST, gzip of their labels and pixels.
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { evenSubset } from "@gmr-conv/data";
import { loadMnist } from "@gmr-conv/data/node";

const folder = new URL("../public/digits/", import.meta.url);
mkdirSync(folder, { recursive: true });
const { train, test } = await loadMnist();
for (const [name, set, count] of [
  ["train", train, 6400],
  ["held-out", test, 200],
]) {
  const { labels, images } = evenSubset(set, count);
  const packed = gzipSync(Buffer.concat([Uint8Array.from(labels), images]), { level: 9 });
  writeFileSync(new URL(`${name}.bin`, folder), packed);
  console.log(`${name}: ${count} digits, ${packed.length} bytes`);
}
