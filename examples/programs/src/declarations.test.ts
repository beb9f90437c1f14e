// What TypeScript makes of the packages in a strict project that also checks declarations of libraries, and what the usual
// linters of packages make of them.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, expect, it } from "vitest";
import { installPacked, publishedPackages } from "../../../tooling/testing/installPacked.ts";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const packages = publishedPackages();
const { folder, tarballs, remove } = installPacked(packages);
afterAll(remove);

/** Every entry point of every package. */
const entries = packages.flatMap((name) => {
  const { exports } = JSON.parse(
    readFileSync(join(folder, "node_modules/@gmr-conv", name, "package.json"), "utf8"),
  );
  const code = Object.keys(exports).filter((entry) => !entry.endsWith(".json"));
  return code.map((entry) => `@gmr-conv/${name}${entry.slice(1)}`);
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

it.each(packages)("%s is packed as publint and attw advise", async (name) => {
  const tarball = readFileSync(tarballs[name]);
  const { messages, pkg } = await publint({
    pkgDir: join(folder, "node_modules/@gmr-conv", name),
    strict: true,
    pack: false,
  });
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);

  const result = await checkPackage(createPackageFromTarballData(tarball));
  if (!result.types) throw new Error(`${name} has no types`);
  // The packages are ES modules: `require` of one works from Node 20.19 on, and resolution without `exports` is history.
  const problems = result.problems.filter(
    (problem) =>
      !("resolutionKind" in problem && ["node10", "node16-cjs"].includes(problem.resolutionKind as string)),
  );
  expect(problems).toEqual([]);
});
