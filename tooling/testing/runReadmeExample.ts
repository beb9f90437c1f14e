import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Runs the first `js` example in a section of a package's README, in that package's folder.
 * @param folder of the package, ending in `/`
 * @param section its heading, default "Example"
 * @returns its output, and the expected output from the section's first `text` block
 */
export function runReadmeExample(folder: URL, section = "Example"): { printed: string; expected: string } {
  const readme = readFileSync(new URL("README.md", folder), "utf8");
  const text = readme.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? "";
  const [, example] = /```js\n(.*?)```/s.exec(text) ?? [];
  const [, expected] = /```text\n(.*?)```/s.exec(text) ?? [];
  if (example === undefined || expected === undefined) {
    throw new Error(
      `${fileURLToPath(folder)}README.md has no example under "${section}" or does not say what it prints`,
    );
  }
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", example], {
    cwd: fileURLToPath(folder),
    encoding: "utf8",
    stdio: "pipe", // so that a failure shows what the example wrote to stderr
  });
  return { printed, expected };
}
