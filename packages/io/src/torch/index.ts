export * from "./readTorch.ts";
export * from "./writeTorch.ts";
