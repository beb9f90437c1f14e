// Rounds the float32 tensors of a safetensors file to float16: node scripts/halve.mjs IN OUT
import { readFileSync, writeFileSync } from "node:fs";

const [input, output] = process.argv.slice(2);
const bytes = readFileSync(input);
const headerLength = Number(bytes.readBigUInt64LE(0));
const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString());
const body = bytes.subarray(8 + headerLength);
const parts = [];
let size = 0;
for (const [name, entry] of Object.entries(header)) {
  if (name === "__metadata__") continue;
  let part = body.subarray(...entry.data_offsets);
  if (entry.dtype === "F32") {
    part = Buffer.from(
      Uint16Array.from({ length: part.length / 4 }, (_, i) => half(part.readFloatLE(4 * i))).buffer,
    );
    entry.dtype = "F16";
  }
  entry.data_offsets = [size, size + part.length];
  size += part.length;
  parts.push(part);
}
const text = JSON.stringify(header);
const padded = text.padEnd(Math.ceil(text.length / 8) * 8);
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(padded.length));
writeFileSync(output, Buffer.concat([length, Buffer.from(padded), ...parts]));

/** The bits of the nearest float16, ties to even. */
function half(value) {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (!(magnitude < 65520)) throw new Error(`${value} does not fit into a float16`);
  // Steps between neighbours: 2^-24 below 2^-14, doubling with every power of two.
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 2 ** -14)));
  const step = 2 ** (exponent - 10);
  const steps = magnitude / step;
  const below = Math.floor(steps);
  const rest = steps - below;
  const rounded = below + Number(rest > 0.5 || (rest === 0.5 && below % 2 === 1));
  const bits = exponent === -14 ? rounded : ((exponent + 14) << 10) + rounded;
  return sign | bits;
}
