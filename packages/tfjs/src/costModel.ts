// What ring and dense convolutions cost, for strategy `auto`.

/** The sizes that decide which strategy is faster; channel counts are those of one group. */
export interface ConvProblemSize {
  rank: 1 | 2 | 3;
  transposed: boolean;
  /** Whether gradients follow: the op runs inside `tf.grads` or its relatives. */
  training: boolean;
  batch: number;
  inputSize: readonly number[];
  outputSize: readonly number[];
  inChannels: number;
  outChannels: number;
  kernelSize: readonly number[];
  strides: readonly number[];
  dilations: readonly number[];
  /** Zeros before the first position (transposed: positions cut off). */
  padBefore: readonly number[];
  /** Rings that hold at least one kernel position. */
  rings: number;
  /** Kernel positions on rings. */
  positions: number;
  /** Positions in the dense kernel, including the gaps of a dilated one. */
  extent: number;
}

/** What each strategy costs, in any unit. */
export interface StrategyCosts {
  ring: number;
  dense: number;
}

export type CostModel = (size: ConvProblemSize) => StrategyCosts;

/**
 * Operations on a backend whose kernels are plain loops, such as the stock CPU backend. Per output position, dense:
 * extent · Cin · Cout; ring: extent · R · Cin for the sums, then R · Cin · Cout.
 */
export const loopCosts: CostModel = ({ inChannels, outChannels, rings, extent }) => ({
  dense: extent * inChannels * outChannels,
  ring: extent * rings * inChannels + rings * inChannels * outChannels,
});
