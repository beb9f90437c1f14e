// Proves that the packages can be installed and used: npm run consumers [NAME…]
//
// Packs all published packages, and for each consumer makes a project outside the repository, installs the tarballs with
// npm, builds and runs it. Prints a table; exits with 1 if a check failed. Checks that cannot be made here are listed
// with the reason.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pack, publishedPackages } from "../testing/installPacked.ts";
import { type Check, type Consumer, Missing, setReference } from "./checks.ts";
import { consumers } from "./consumers.ts";
import { closeBrowsers } from "./pages.ts";
import { losses } from "./programs/reference.js";
import { Project } from "./project.ts";

interface Row {
  consumer: string;
  what: string;
  result: "passed" | "FAILED" | "missing";
  remark: string;
  seconds: number;
}

async function check(consumer: string, { what, run }: Check, project: Project): Promise<Row> {
  const start = performance.now();
  const row = (result: Row["result"], remark: string): Row => {
    const made = { consumer, what, result, remark, seconds: (performance.now() - start) / 1000 };
    console.log(format(made));
    return made;
  };
  try {
    return row("passed", (await run(project)) ?? "");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof Missing) return row("missing", reason);
    console.error(reason);
    return row("FAILED", reason.split("\n")[0]);
  }
}

/** A line of the table. */
function format({ consumer, what, result, remark, seconds }: Row): string {
  const cells = [consumer.padEnd(10), what.padEnd(58), result.padEnd(7), seconds.toFixed(1).padStart(6)];
  return `${cells.join("  ")}  ${remark}`.trimEnd();
}

async function runConsumer(consumer: Consumer, packed: Readonly<Record<string, string>>): Promise<Row[]> {
  const { name, packages, dependencies, programs, files = {} } = consumer;
  const tarballs = Object.fromEntries(packages.map((of) => [of, packed[of]]));
  const project = new Project({ name, tarballs, dependencies, programs });
  for (const [file, text] of Object.entries(files)) project.write(file, text);
  try {
    const install: Check = {
      what: "npm install",
      run: async () => {
        await project.install();
        return undefined;
      },
    };
    const rows = [await check(name, install, project)];
    if (rows[0].result !== "passed") return rows;
    for (const one of consumer.checks) rows.push(await check(name, one, project));
    return rows;
  } finally {
    project.remove();
  }
}

const folder = mkdtempSync(path.join(tmpdir(), "gmr-consumers-"));
try {
  const packages = publishedPackages();
  const all = await consumers(packages);
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => all.every((consumer) => consumer.name !== name));
  if (unknown.length > 0) {
    throw new Error(`no consumer ${unknown.join(", ")}: expected ${all.map(({ name }) => name).join(", ")}`);
  }
  const tarballs = Object.fromEntries(packages.map((name) => [name, pack(name, folder)]));
  console.log(`${packages.length} packages packed`);
  setReference(losses(await import("@gmr-conv/core/reference")));
  const rows: Row[] = [];
  for (const consumer of all) {
    if (wanted.length === 0 || wanted.includes(consumer.name))
      rows.push(...(await runConsumer(consumer, tarballs)));
  }
  const header = ["consumer".padEnd(10), "what was checked".padEnd(58), "result ", "     s", "remark"].join(
    "  ",
  );
  console.log(`\n${header}\n${rows.map(format).join("\n")}`);
  const count = (result: Row["result"]): number => rows.filter((row) => row.result === result).length;
  console.log(`\n${count("passed")} passed, ${count("FAILED")} failed, ${count("missing")} missing`);
  process.exitCode = count("FAILED") > 0 ? 1 : 0;
} finally {
  await closeBrowsers();
  rmSync(folder, { recursive: true, force: true });
}
