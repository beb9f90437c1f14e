import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import { beforeAll, describe, it } from "vitest";
import { useWasm } from "./index.ts";

beforeAll(() => useWasm());

describe("the conformance suite on the wasm backend", () => {
  for (const { name, run } of conformanceCases({ randomCases: 2000 })) it(name, run);
});
