// The consumers: what each installs, and what is checked in it.

import { bundlers } from "./bundlers.ts";
import {
  type Consumer,
  checkLosses,
  ifFound,
  inChromium,
  inEachNode,
  LAYER,
  onThreads,
  repository,
  runtime,
  TFJS,
  WASM,
} from "./checks.ts";
import { firefox } from "./firefox.ts";
import { gmr } from "./gmr.ts";
import { next } from "./next.ts";
import { runIn } from "./project.ts";
import { scriptTag } from "./scriptTag.ts";
import { swap } from "./swap.ts";
import { typescript } from "./typescript.ts";

/** @param allPackages without the scope */
export async function consumers(allPackages: readonly string[]): Promise<Consumer[]> {
  return [
    {
      name: "core",
      packages: ["core"],
      programs: ["problem.js", "reference.js", "core.js"],
      checks: await inEachNode((node) => async (project) => {
        checkLosses(await project.result(node, ["core.js"]), 1e-12);
        return undefined;
      }),
    },
    {
      name: "distributed",
      packages: ["core", "distributed"],
      programs: ["distributed.js"],
      checks: await inEachNode((node) => async (project) => {
        const { rank, size, error } = JSON.parse((await project.run(node, ["distributed.js"])).trim());
        const clear = error?.code === "unsupported" && /npm install koffi@3/.test(error.message);
        if (rank !== 0 || size !== 1 || !clear)
          throw new Error(`unexpected: ${JSON.stringify({ rank, size, error })}`);
        return undefined;
      }),
    },
    {
      name: "script",
      packages: ["core"],
      programs: ["problem.js", "reference.js", "script.html"],
      checks: [{ what: "core by script tag", run: scriptTag(inChromium) }],
    },
    typescript,
    {
      name: "wasm",
      packages: WASM,
      dependencies: TFJS,
      programs: [...LAYER, "node.js"],
      checks: [
        ...(await inEachNode((node) => (project) => onThreads(project, node, ["node.js"], 2))),
        {
          what: "Deno",
          run: ifFound(
            runtime("deno"),
            "Deno",
            (deno) => (project) =>
              onThreads(
                project,
                deno,
                ["run", "--node-modules-dir=manual", "--no-prompt", "-A", "node.js"],
                2,
              ),
          ),
        },
        {
          what: "Bun",
          run: ifFound(runtime("bun"), "Bun", (bun) => (project) => onThreads(project, bun, ["node.js"], 1)),
        },
      ],
    },
    {
      name: "clone",
      packages: [],
      programs: [...LAYER, "node.js"],
      checks: [
        {
          what: "npm run use -- PROJECT tfjs backend-wasm",
          run: async (project) => {
            const use = ["run", "use", "--", project.folder, "tfjs", "backend-wasm"];
            await runIn(repository, "npm", use);
            return onThreads(project, process.execPath, ["node.js"], 2);
          },
        },
      ],
    },
    ...bundlers,
    firefox(allPackages),
    next,
    swap,
    gmr(allPackages),
  ];
}
