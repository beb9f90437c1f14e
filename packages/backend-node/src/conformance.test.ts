import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import { beforeAll, it } from "vitest";
import { describeNative } from "../testing/describeNative.ts";
import { useNode } from "./index.ts";

describeNative("the conformance suite on libtensorflow", () => {
  beforeAll(() => useNode({ cache: false }));
  for (const testCase of conformanceCases({ randomCases: 300 })) {
    it(testCase.name, testCase.run);
  }
});
