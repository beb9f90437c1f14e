/**
 * One 32-bit seed from several safe integers, so that random streams can be addressed by (seed, epoch, batch) instead
 * of replayed. The mixing step is MurmurHash3's finaliser.
 */
export function deriveSeed(...parts: number[]): number {
  let hash = 0x9e3779b9;
  for (const word of parts.flatMap((part) => [part, Math.floor(part / 2 ** 32)])) {
    hash = Math.imul(hash ^ word, 0x85ebca6b);
    hash ^= hash >>> 16;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}
