// The task of every consumer: one GMR layer learns to make one picture of another. The losses of its first steps depend on
// the forward pass and on every gradient.

/** [N, H, W, Cin] */
export const SHAPE = [2, 12, 12, 3];
export const FILTERS = 4;
export const KERNEL_SIZE = 5;
export const RINGS = 3;
export const STEPS = 4;
export const RATE = 0.5;

const wave = (length, frequency) => Array.from({ length }, (_, i) => Math.sin(frequency * (i + 1)));

export const x = wave(2 * 12 * 12 * 3, 0.7);
export const target = wave(2 * 12 * 12 * FILTERS, 0.3);
/** [R, Cin, Cout] */
export const weights = wave(RINGS * 3 * FILTERS, 1.3).map((value) => value / 10);
export const logSigmas = [-0.8, -0.6, -0.4];
export const bias = wave(FILTERS, 2).map((value) => value / 10);
