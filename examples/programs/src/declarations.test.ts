// What TypeScript makes of the packages in a strict project that also checks declarations of libraries.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { installPacked } from "../../../tooling/testing/installPacked.ts";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const packages = readdirSync(join(repository, "packages"));
const { folder, remove } = installPacked(packages);
afterAll(remove);

/** Every entry point of every package. */
const entries = packages.flatMap((name) => {
  const { exports } = JSON.parse(readFileSync(join(repository, "packages", name, "package.json"), "utf8"));
  return Object.keys(exports).map((entry) => `@gmr-conv/${name}${entry.slice(1)}`);
});

it.each(["node16", "bundler"])("declarations compile with moduleResolution %s", (moduleResolution) => {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: "ES2020",
    lib: ["ES2020", "DOM"],
    module: moduleResolution === "node16" ? "node16" : "esnext",
    moduleResolution,
    types: [],
  };
  const used = entries.map((entry, i) => `import * as entry${i} from "${entry}";\nvoid entry${i};\n`);
  writeFileSync(join(folder, "program.ts"), used.join(""));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  const tsc = join(repository, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], {
    cwd: folder,
    encoding: "utf8",
  });
  const ours = stdout
    .split("\n")
    .filter((line) => /^(node_modules\/@gmr-conv\/|program\.ts|error)/.test(line));
  expect(ours.join("\n"), stdout).toBe("");
});
