// Installs packages of this clone into a project of one's own, as long as they are not on npm:
// npm run use -- PROJECT PACKAGE…

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { pack, publishedPackages } from "../testing/installPacked.ts";

/** Where the project keeps the tarballs, which its package.json then names. */
const FOLDER = "gmr-conv";

function main([project, ...given]: readonly string[]): void {
  const names = given.map((name) => name.replace(/^@gmr-conv\//, ""));
  const known = publishedPackages();
  if (project === undefined || names.length === 0) {
    fail(`expected a project's folder and packages (${known.join(", ")}): npm run use -- ../my-project tfjs`);
  }
  // npm runs this in the clone; the path is relative to where the user is.
  const folder = resolve(process.env.INIT_CWD ?? ".", project);
  if (!existsSync(join(folder, "package.json"))) {
    fail(`${project} has no package.json: make one with npm init`);
  }
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) fail(`unknown package ${unknown}, expected ${known.join(", ")}`);

  mkdirSync(join(folder, FOLDER), { recursive: true });
  const packed = mkdtempSync(join(tmpdir(), "gmr-pack-"));
  try {
    const files = withDependencies(names).map((name) => {
      const tarball = pack(name, packed);
      copyFileSync(tarball, join(folder, FOLDER, basename(tarball)));
      console.log(`packed @gmr-conv/${name}`);
      return `./${FOLDER}/${basename(tarball)}`;
    });
    execFileSync("npm", ["install", "--no-audit", "--no-fund", ...files], { cwd: folder, stdio: "inherit" });
  } finally {
    rmSync(packed, { recursive: true, force: true });
  }
}

/** Packages, and those of this repository that they depend on. */
function withDependencies(names: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const parent = name === "trainer" ? "apps" : "packages";
    const file = fileURLToPath(new URL(`../../${parent}/${name}/package.json`, import.meta.url));
    const { dependencies = {} } = JSON.parse(readFileSync(file, "utf8")) as {
      dependencies?: Record<string, string>;
    };
    for (const other of Object.keys(dependencies)) {
      if (other.startsWith("@gmr-conv/")) add(other.slice("@gmr-conv/".length));
    }
  };
  for (const name of names) add(name);
  return [...found].sort();
}

function fail(reason: string): never {
  console.error(`use: ${reason}`);
  process.exit(1);
}

main(process.argv.slice(2));
