// Everything, for pages without a bundler.

export * from "./equivariance/index.ts";
export * from "./index.ts";
export * from "./picture.ts";
export * from "./reference/index.ts";
export * from "./ringBasis.ts";
