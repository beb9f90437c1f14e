// A strict TypeScript project that also checks the declarations of libraries.

import { type Check, type Consumer, TFJS, WASM } from "./checks.ts";

const TYPED_PROGRAM = `import { ringPartition, type RingPartition } from "@gmr-conv/core";
import { useWasm } from "@gmr-conv/backend-wasm";
import { gmrConv2dLayer } from "@gmr-conv/tfjs";
import { listModels } from "@gmr-conv/models/inspect";
import * as tf from "@tensorflow/tfjs";

const partition: RingPartition = ringPartition(5);
await useWasm();
const layer = gmrConv2dLayer({ inputShape: [8, 8, 1], filters: 2, kernelSize: 5 });
const model: tf.Sequential = tf.sequential({ layers: [layer] });
const output = model.predict(tf.zeros([1, 8, 8, 1]));
if (Array.isArray(output)) throw new Error("one output");
console.log(JSON.stringify({ losses: [], rings: partition.numRings, shape: output.shape, models: listModels().length > 0 }));
`;

function typed(moduleResolution: "node16" | "bundler"): Check {
  return {
    what: `strict, lib ES2020, checked libraries, ${moduleResolution}`,
    run: async (project) => {
      const compilerOptions = {
        strict: true,
        skipLibCheck: false,
        target: "es2022",
        lib: ["ES2020", "DOM"],
        module: moduleResolution === "node16" ? "node16" : "esnext",
        moduleResolution,
        types: [],
        outDir: moduleResolution,
      };
      const files = ["program.ts"];
      project.write("tsconfig.json", JSON.stringify({ compilerOptions, files }));
      let upstream = "";
      try {
        await project.run("npx", ["--no-install", "tsc", "--pretty", "false"]);
      } catch (error) {
        const lines = String(error)
          .split("\n")
          .filter((line) => /error TS\d+/.test(line));
        const others = lines.filter((line) => /^node_modules\/(?!@gmr-conv\/)/.test(line));
        if (lines.length === 0 || others.length < lines.length) throw error;
        const names = others.map((line) => /^node_modules\/((@[^/]+\/)?[^/]+)/.exec(line)?.[1]);
        upstream = `${others.length} errors in declarations of ${[...new Set(names)].join(", ")}`;
      }
      const printed = await project.run(process.execPath, [`${moduleResolution}/program.js`]);
      if (!printed.includes('"rings":3,"shape":[1,4,4,2],"models":true')) throw new Error(printed);
      return upstream;
    },
  };
}

export const typescript: Consumer = {
  name: "typescript",
  packages: [...WASM, "io", "models"],
  dependencies: [...TFJS, "typescript@5.9"],
  files: { "program.ts": TYPED_PROGRAM },
  checks: [typed("node16"), typed("bundler")],
};
