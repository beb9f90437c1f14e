// What a package exports, with types, as text: one report for each published package, `reports/NAME.md`.
//
// API Extractor reads the built declarations, with a TypeScript of its own. Reports say nothing about doc comments, so
// that only what can break a user's code changes them. Types that are not exported, but that exported ones refer to, are
// listed without `export`.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
  type ExtractorMessage,
} from "@microsoft/api-extractor";
import { folderOf, publishedPackages } from "../testing/installPacked.ts";

/** Where reports are, from the root of the repository. */
export const REPORTS = "tooling/api/reports";

export const REMEDY = "run `npm run api`, and commit what it writes";

interface Entry {
  /** What one imports: `@gmr-conv/data/node`. */
  name: string;
  config: ExtractorConfig;
}

/** The reports of all published packages, by name without the scope. Needs the build. */
export function makeReports(): Map<string, string> {
  const folder = mkdtempSync(path.join(tmpdir(), "gmr-api-"));
  try {
    const packages = publishedPackages().map((name) => ({ name, entries: entriesOf(name, folder) }));
    const all = packages.flatMap(({ entries }) => entries);
    const compilerState = CompilerState.create(all[0].config, {
      additionalEntryPoints: all.map(({ config }) => config.mainEntryPointFilePath),
    });
    return new Map(
      packages.map(({ name, entries }) => {
        const sections = entries.map((entry) => section(entry, compilerState));
        const header = `# @gmr-conv/${name}\n\nWritten by \`npm run api\`: what the package exports.\n`;
        return [name, [header, ...sections].join("\n")];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function entriesOf(name: string, folder: string): Entry[] {
  const projectFolder = folderOf(name);
  const packageJson = path.join(projectFolder, "package.json");
  const { exports } = JSON.parse(readFileSync(packageJson, "utf8")) as {
    exports: Record<string, string | { types: string }>;
  };
  return Object.entries(exports).flatMap(([entry, target]) => {
    if (typeof target === "string") return [];
    const config = ExtractorConfig.prepare({
      configObjectFullPath: undefined,
      packageJsonFullPath: packageJson,
      configObject: {
        projectFolder,
        mainEntryPointFilePath: path.join(projectFolder, target.types),
        newlineKind: "lf",
        compiler: { overrideTsconfig: { compilerOptions: COMPILER_OPTIONS } },
        apiReport: {
          enabled: true,
          reportFileName: "report",
          reportFolder: folder,
          reportTempFolder: path.join(folder, "temp"),
          includeForgottenExports: true,
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
          tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
          compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        },
      },
    });
    return [{ name: `@gmr-conv/${name}${entry.slice(1)}`, config }];
  });
}

const COMPILER_OPTIONS = {
  target: "ES2022",
  module: "NodeNext",
  moduleResolution: "NodeNext",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  types: [],
  strict: true,
  skipLibCheck: true,
};

/** The part of a report on one entry. */
function section({ name, config }: Entry, compilerState: CompilerState): string {
  const errors: string[] = [];
  const messageCallback = (message: ExtractorMessage): void => {
    message.handled = true;
    if (message.logLevel === ExtractorLogLevel.Error) errors.push(message.text);
  };
  Extractor.invoke(config, { localBuild: true, compilerState, messageCallback });
  if (errors.length > 0) throw new Error(`${name}: ${errors.join("\n")}`);
  const report = readFileSync(config.reportFilePath, "utf8");
  const [, declarations] = /```ts\n([\s\S]*)\n```/.exec(report) ?? [];
  if (declarations === undefined) throw new Error(`${name}: no declarations in\n${report}`);
  return `## ${name}\n\n\`\`\`ts\n${withoutRemarks(declarations)}\n\`\`\`\n`;
}

/** Leaves out which doc comments there are. */
function withoutRemarks(declarations: string): string {
  return declarations
    .replaceAll(/^ *\/\/ (?:@public|\(undocumented\)|@public \(undocumented\))\n/gm, "")
    .replaceAll(/^( *\/\/ .*) \(undocumented\)$/gm, "$1")
    .replace(/^\/\/ \(No @packageDocumentation .*$/m, "")
    .trim();
}
