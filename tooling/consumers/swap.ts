// The same program on every backend: one import differs.

import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { preferSoftwareAdapter } from "../../packages/backend-webgpu/testing/dawn.ts";
import { type Check, type Consumer, checkLosses, Missing, repository, TFJS, WASM } from "./checks.ts";
import type { Project } from "./project.ts";

/** One program, in which one import differs. */
const swapped = (packageName: string, start: string): string => `
import { ${start} as start } from "${packageName}";
import * as tf from "@tensorflow/tfjs";
import { losses } from "./layer.js";

await start();
console.log(JSON.stringify({ backend: tf.getBackend(), losses: await losses() }));
process.exit(0);
`;

function onBackend(name: string, file: string, prepare?: (project: Project) => void): Check {
  return {
    what: `import of ${file.slice("swap-".length, -".js".length)}`,
    run: async (project) => {
      prepare?.(project);
      const result = await project.result(process.execPath, [file], { TF_CPP_MIN_LOG_LEVEL: "3" });
      if (result.backend !== name) throw new Error(`ran on ${result.backend}`);
      checkLosses(result);
      return undefined;
    },
  };
}

/** tfjs-node would download its library: takes those of the repository. */
function linkNativeBinding(project: Project): void {
  const source = path.join(repository, "packages/backend-node/node_modules/@tensorflow/tfjs-node");
  const target = path.join(project.folder, "node_modules/@tensorflow/tfjs-node");
  if (!existsSync(path.join(source, "lib/napi-v8/tfjs_binding.node"))) {
    throw new Missing("no native binding (node tooling/tfjs-node-from-source/build.mjs)");
  }
  mkdirSync(path.join(target, "lib"), { recursive: true });
  for (const folder of ["lib/napi-v8", "deps"]) {
    if (existsSync(path.join(source, folder)))
      symlinkSync(path.join(source, folder), path.join(target, folder));
  }
}

preferSoftwareAdapter();

export const swap: Consumer = {
  name: "swap",
  packages: [...WASM, "backend-webgpu", "backend-node"],
  dependencies: [
    ...TFJS,
    "@tensorflow/tfjs-backend-webgpu@^4.22.0",
    "@tensorflow/tfjs-node@^4.22.0",
    "webgpu@>=0.3.8",
  ],
  programs: ["problem.js", "layer.js"],
  files: {
    "swap-wasm.js": swapped("@gmr-conv/backend-wasm", "useWasm"),
    "swap-webgpu.js": swapped("@gmr-conv/backend-webgpu", "useWebGpu"),
    "swap-node.js": swapped("@gmr-conv/backend-node", "useNode"),
    "swap-cpu.js": swapped("./cpu.js", "useCpu"),
    "cpu.js": `import * as tf from "@tensorflow/tfjs";\n\nexport const useCpu = () => tf.setBackend("cpu");\n`,
  },
  checks: [
    onBackend("wasm", "swap-wasm.js"),
    onBackend("webgpu", "swap-webgpu.js"),
    onBackend("tensorflow", "swap-node.js", linkNativeBinding),
    onBackend("cpu", "swap-cpu.js"),
  ],
};
