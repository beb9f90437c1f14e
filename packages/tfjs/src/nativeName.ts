/** The name under which `@tensorflow/tfjs-node` registers its backend: what users call "node". */
export const NATIVE_BACKEND = "tensorflow";
