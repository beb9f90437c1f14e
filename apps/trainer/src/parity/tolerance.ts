/** Largest accepted error, relative to the tensor's largest value. */
export const TOLERANCE = { values: 1e-5, gradients: 1e-4, networks: 1e-4 };
