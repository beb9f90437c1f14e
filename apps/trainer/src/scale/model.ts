/**
 * How long a step of data-parallel training takes on any number of ranks.
 *
 * A step is a sequence of exchanges at times that grow with the images of a rank, t = fixed + images · perImage, as
 * measured. Buckets of gradients are sent one after the other while the backward pass goes on; other exchanges (sums of
 * batch normalisation, the loss) block it. Exchanges share one network and are taken to pass through it in order.
 *
 * An all-reduce of s bytes among n ranks takes the shortest of three times
 * (Thakur, Rabenseifner and Gropp 2005, https://doi.org/10.1177/1094342005051521, without the time of additions,
 * which the bandwidth contains):
 *
 * - ring: 2 (n − 1) latency + 2 (n − 1) / n · s / bandwidth, where ranks pass on an n-th of the data at a time;
 * - halving and doubling (Rabenseifner): 2 ⌈log₂ n⌉ latency + 2 (n − 1) / n · s / bandwidth, where pairs swap halves,
 *   quarters and so on, and back;
 * - recursive doubling: ⌈log₂ n⌉ (latency + s / bandwidth), where pairs swap everything: the best for few bytes.
 *
 * For numbers of ranks that are no power of two, pairs need an additional round that is not counted. MPI libraries
 * choose by tables of their own, so that measured times may lie above the shortest.
 */

/** A connection. */
export interface Link {
  /** Seconds. */
  latency: number;
  /** Bytes per second, in each direction. */
  bandwidth: number;
}

export interface Cluster {
  /** Between machines: the connection of one machine, which its ranks share. */
  network: Link;
  /** Between the ranks of a machine, which share the bandwidth. */
  memory: Link;
  /** Ranks are placed machine by machine. */
  ranksPerMachine: number;
}

/** A time that depends on the number of images: seconds, and seconds per image. */
export interface Line {
  fixed: number;
  perImage: number;
}

export interface Exchange {
  /** Whether computing goes on meanwhile. */
  overlaps: boolean;
  bytes: number;
  /** From the start of the step, without waiting for others. */
  at: Line;
}

/** A step of one rank. */
export interface StepModel {
  /** In order. The backward pass ends with the last one that overlaps; then its sums are waited for. */
  exchanges: readonly Exchange[];
  /** The whole step, without waiting for others. */
  end: Line;
}

/** What is expected of a step on several ranks. Times in seconds. */
export interface StepTime {
  step: number;
  compute: number;
  /** Exchanges behind which the rank computed. */
  hidden: number;
  /** Exchanges that the rank waited for. */
  exposed: number;
}

export const timeAt = ({ fixed, perImage }: Line, images: number): number => fixed + images * perImage;

/** What an algorithm takes: so many latencies, and the time of so many bytes. */
export interface Cost {
  latencies: number;
  bytes: number;
}

const rounds = (ranks: number): number => Math.ceil(Math.log2(ranks));
const bothWays = (bytes: number, ranks: number): number => (2 * (ranks - 1) * bytes) / ranks;

const ring = (bytes: number, ranks: number): Cost => ({
  latencies: 2 * (ranks - 1),
  bytes: bothWays(bytes, ranks),
});
const halving = (bytes: number, ranks: number): Cost => ({
  latencies: 2 * rounds(ranks),
  bytes: bothWays(bytes, ranks),
});
const doubling = (bytes: number, ranks: number): Cost => ({
  latencies: rounds(ranks),
  bytes: rounds(ranks) * bytes,
});

/** Seconds of an algorithm over a single link. */
export const timeOf = ({ latencies, bytes }: Cost, { latency, bandwidth }: Link): number =>
  latencies * latency + bytes / bandwidth;

/** The cheapest way through a single link. */
export function cheapest(bytes: number, ranks: number, link: Link): Cost {
  const all = [doubling, halving, ring].map((algorithm) => algorithm(bytes, ranks));
  return all.reduce((best, cost) => (timeOf(cost, link) < timeOf(best, link) ? cost : best));
}

/** Seconds of an all-reduce. */
export function allReduceTime(bytes: number, ranks: number, cluster: Cluster): number {
  if (ranks <= 1) return 0;
  const { network, memory, ranksPerMachine } = cluster;
  const together = Math.min(ranks, ranksPerMachine);
  const machines = Math.ceil(ranks / ranksPerMachine);
  const inside = { latency: memory.latency, bandwidth: memory.bandwidth / together };
  // One neighbour of each machine's ranks in the ring is on another machine; the slowest link sets the pace.
  const slowest =
    machines === 1
      ? inside
      : {
          latency: Math.max(network.latency, memory.latency),
          bandwidth: Math.min(network.bandwidth, inside.bandwidth),
        };
  // In pairs across machines, all ranks of a machine send at once. When halving, each has its own part of the data.
  const across = { latency: network.latency, bandwidth: network.bandwidth / together };
  return Math.min(
    timeOf(ring(bytes, ranks), slowest),
    timeOf(halving(bytes, together), inside) + timeOf(halving(bytes / together, machines), across),
    timeOf(doubling(bytes, together), inside) + timeOf(doubling(bytes, machines), across),
  );
}

/** The step of ranks that have this many images each. */
export function stepTime(model: StepModel, images: number, ranks: number, cluster: Cluster): StepTime {
  const { exchanges } = model;
  const lastBucket = exchanges.findLastIndex(({ overlaps }) => overlaps);
  let exposed = 0;
  let total = 0;
  let free = 0; // when the network has done all that it was given
  for (const [i, { overlaps, bytes, at }] of exchanges.entries()) {
    const now = timeAt(at, images) + exposed;
    const time = allReduceTime(bytes, ranks, cluster);
    total += time;
    free = Math.max(free, now) + time;
    if (!overlaps || i === lastBucket) exposed += free - now;
  }
  const compute = timeAt(model.end, images);
  return { step: compute + exposed, compute, exposed, hidden: Math.max(0, total - exposed) };
}

export interface ScalingRow extends StepTime {
  ranks: number;
  imagesPerRank: number;
  imagesPerSecond: number;
  /** Images per second over those of one rank. */
  speedUp: number;
  /** The speed-up per rank. */
  efficiency: number;
  /** Share of the exchanges behind which the ranks computed; 1 without exchanges. */
  hiddenShare: number;
}

export type Scaling = "weak" | "strong";

/**
 * A row for each number of ranks that has at least one image for each.
 *
 * @param images of each rank (weak scaling), or of all (strong scaling), where the step takes as long as that of the
 *   rank with the most
 */
export function scalingRows(
  model: StepModel,
  scaling: Scaling,
  images: number,
  ranks: readonly number[],
  cluster: Cluster,
): ScalingRow[] {
  const row = (count: number) => {
    const imagesPerRank = scaling === "weak" ? images : Math.ceil(images / count);
    const time = stepTime(model, imagesPerRank, count, cluster);
    const whole = scaling === "weak" ? images * count : images;
    return { ...time, imagesPerRank, imagesPerSecond: whole / time.step };
  };
  const alone = row(1).imagesPerSecond;
  return ranks
    .filter((count) => scaling === "weak" || count <= images)
    .map((count) => {
      const found = row(count);
      const speedUp = found.imagesPerSecond / alone;
      const exchanged = found.hidden + found.exposed;
      return {
        ranks: count,
        ...found,
        speedUp,
        efficiency: speedUp / count,
        hiddenShare: exchanged === 0 ? 1 : found.hidden / exchanged,
      };
    });
}
