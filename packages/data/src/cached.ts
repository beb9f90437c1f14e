import { type Dataset, type Examples, joined } from "./dataset.ts";

/**
 * The data set with a cache in memory of at most `maxBytes`; bytes stay bytes. The first examples read stay cached,
 * since an epoch reads everything once.
 */
export function cached(dataset: Dataset, maxBytes: number): Dataset {
  if (dataset.inMemory) return dataset;
  const kept = new Map<number, Examples>();
  let bytes = 0;
  return {
    ...dataset,
    ...(dataset.source ? { source: (index: number) => dataset.source?.(index) ?? "" } : {}),
    async read(indices) {
      const missing = [...new Set(Array.from(indices))].filter((index) => !kept.has(index));
      const fresh = new Map<number, Examples>();
      if (missing.length > 0) {
        const read = await dataset.read(missing);
        const image = read.images.length / missing.length;
        const label = read.labels.length / missing.length;
        missing.forEach((index, n) => {
          const one = {
            images: read.images.slice(n * image, (n + 1) * image),
            labels: read.labels.slice(n * label, (n + 1) * label),
          };
          fresh.set(index, one);
          if (bytes + one.images.byteLength + one.labels.byteLength > maxBytes) return;
          bytes += one.images.byteLength + one.labels.byteLength;
          kept.set(index, one);
        });
      }
      return joined(Array.from(indices, (index) => kept.get(index) ?? (fresh.get(index) as Examples)));
    },
  };
}
