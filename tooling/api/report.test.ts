import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { makeReports, REMEDY, REPORTS } from "./report.ts";

it("reports on public APIs are up to date", () => {
  const made = makeReports();
  const folder = fileURLToPath(new URL(`../../${REPORTS}/`, import.meta.url));
  const files = readdirSync(folder).sort();
  expect(files, `${REPORTS}: ${REMEDY}`).toEqual([...made.keys()].map((name) => `${name}.md`).sort());
  for (const [name, text] of made) {
    const file = `${folder}${name}.md`;
    const written = existsSync(file) ? readFileSync(file, "utf8") : "";
    expect.soft(text, `${REPORTS}/${name}.md is not what @gmr-conv/${name} exports: ${REMEDY}`).toBe(written);
  }
});
