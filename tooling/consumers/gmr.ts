// The command, and everything that it brings.

import { type Consumer, Missing } from "./checks.ts";
import type { Project } from "./project.ts";

interface Audit {
  vulnerabilities?: Record<string, { severity: string; via: (string | object)[] }>;
}

/** Fails for high and critical findings, and names all. */
async function audit(project: Project): Promise<string> {
  const args = ["audit", "--omit=dev", "--json"];
  let printed: string;
  try {
    printed = await project.run("npm", args);
  } catch (error) {
    // With findings, npm prints them and exits with code 1.
    printed = /\{[\s\S]*\}/.exec(error instanceof Error ? error.message : "")?.[0] ?? "{}";
  }
  let vulnerabilities: Audit["vulnerabilities"];
  try {
    ({ vulnerabilities } = JSON.parse(printed) as Audit);
  } catch {
    vulnerabilities = undefined;
  }
  if (!vulnerabilities) throw new Missing("the registry answers no audits");
  const found = Object.entries(vulnerabilities).map(([name, { severity }]) => `${name} (${severity})`);
  if (found.some((text) => /\((high|critical)\)$/.test(text)))
    throw new Error(`findings: ${found.join(", ")}`);
  return found.length === 0 ? "no finding" : found.join(", ");
}

export const gmr = (allPackages: readonly string[]): Consumer => ({
  name: "gmr",
  packages: allPackages,
  checks: [
    {
      what: "npx gmr --version",
      run: async (project) => (await project.run("npx", ["--no-install", "gmr", "--version"])).trim(),
    },
    {
      what: "npx gmr models",
      run: async (project) => {
        const printed = await project.run("npx", ["--no-install", "gmr", "models"]);
        if (!printed.includes("gmr-resnet18")) throw new Error(printed);
        return undefined;
      },
    },
    {
      what: "import of every package",
      run: async (project) => {
        const names = allPackages
          .filter((name) => name !== "backend-node")
          .map((name) => `@gmr-conv/${name}`);
        const program = `for (const name of ${JSON.stringify(names)}) await import(name); process.exit(0);`;
        await project.run(process.execPath, ["--input-type=module", "-e", program]);
        return undefined;
      },
    },
    { what: "npm audit of production dependencies", run: audit },
  ],
});
