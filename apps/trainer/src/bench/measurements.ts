// The JSON lines that benchmarks print.

/** Implementations outside this project, measured where they are installed. */
const PEER_IMPLS = ["official", "official-best", "pytorch-dense", "jax-dense"] as const;
export type PeerImpl = (typeof PEER_IMPLS)[number];

export const NETWORK_IMPLS = ["gmr", "dense"] as const;
export type NetworkImpl = (typeof NETWORK_IMPLS)[number];

export type LayerPass = "forward" | "forward+backward";
export const NETWORK_PASSES = ["train-step", "inference"] as const;
export type NetworkPass = (typeof NETWORK_PASSES)[number];

export interface LayerTime {
  kind: "layer" | "batchnorm";
  backend: string;
  threads: number;
  /** Kernel size. */
  k: number;
  /**
   * `dense`: `tf.conv2d` as it runs here; `stock-dense`: with the stock kernels, if ours replace them; `fused` and
   * `stock`: batch normalisation.
   */
  impl: "gmr" | "dense" | "stock-dense" | "fused" | "stock" | PeerImpl;
  pass: LayerPass;
  /** The best of several runs after warm-up. */
  ms: number;
}

export interface NetworkTime {
  kind: "network";
  model: string;
  backend: string;
  threads: number;
  impl: NetworkImpl | PeerImpl;
  pass: NetworkPass;
  batch: number;
  /** The best of several runs after warm-up. */
  ms: number;
  /** Peak resident memory of the process, MiB. */
  peakMB: number;
  /** The same before the first run; PyTorch only. */
  beforeMB?: number;
}

/** The share of one op in a training step. */
export interface OpTime {
  kind: "profile";
  model: string;
  backend: string;
  threads: number;
  impl: NetworkImpl;
  pass: "train-step";
  batch: number;
  /** Name of the kernel, or `(outside kernels)`. */
  op: string;
  calls: number;
  ms: number;
  percent: number;
}

/** Ours over theirs: below 1, ours is faster (or takes less memory). */
export interface Ratio {
  kind: "ratio";
  of: "layer" | "network";
  /** Of a network. */
  model?: string;
  k?: number;
  pass: LayerPass | NetworkPass;
  impl: "gmr";
  peer: string;
  threads: number;
  peerThreads: number;
  ratio: number;
  peakRatio?: number;
}
