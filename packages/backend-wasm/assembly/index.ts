// The exports of these files are the kernels.
export * from "./batchnorm";
export * from "./both";
export * from "./depthwise";
export * from "./depthwiseRing";
export * from "./elementwise";
export * from "./filter";
export * from "./forward";
export * from "./matrix";
export * from "./pooling";
export * from "./reduce";
export * from "./resize";
export * from "./rows";
