// Runs the conformance suite on the build with relaxed SIMD and prints what failed. Needs an engine that has it.

import { useWasm, wasmRelaxedSimd } from "@gmr-conv/backend-wasm";
import { conformanceCases } from "@gmr-conv/tfjs/conformance";

await useWasm();
const failed = [];
let passed = 0;
for (const { name, run } of conformanceCases({ randomCases: 300 })) {
  try {
    await run();
    passed++;
  } catch (error) {
    failed.push(`${name}: ${error.message}`);
  }
}
console.log(JSON.stringify({ relaxed: wasmRelaxedSimd(), passed, failed }));
