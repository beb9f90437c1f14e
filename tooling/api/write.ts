// Writes the reports on public APIs: npm run api

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { makeReports } from "./report.ts";

const folder = fileURLToPath(new URL("reports", import.meta.url));
mkdirSync(folder, { recursive: true });
const reports = makeReports();
for (const file of readdirSync(folder)) {
  if (!reports.has(path.basename(file, ".md"))) rmSync(path.join(folder, file));
}
for (const [name, text] of reports) writeFileSync(path.join(folder, `${name}.md`), text);
console.log(`${reports.size} reports in ${path.relative(process.env.INIT_CWD ?? process.cwd(), folder)}`);
