import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("the README's example prints what the README says", () => {
  const folder = new URL("../", import.meta.url);
  const readme = readFileSync(new URL("README.md", folder), "utf8");
  const [, example] = /```js\n(.*?)```/s.exec(readme) ?? [];
  const [, expected] = /```text\n(.*?)```/s.exec(readme) ?? [];
  const options = { cwd: fileURLToPath(folder), encoding: "utf8" } as const;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", example ?? ""], options);
  expect(printed).toBe(expected);
});
