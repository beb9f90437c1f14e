import { networkCases } from "@gmr-conv/models/conformance";
import { beforeAll, it } from "vitest";
import { describeNative } from "../testing/describeNative.ts";
import { useNode } from "./index.ts";

describeNative("networks train and predict on libtensorflow as on the CPU backend", () => {
  beforeAll(() => useNode({ cache: false }));
  for (const { name, run } of networkCases()) it(name, run);
});
