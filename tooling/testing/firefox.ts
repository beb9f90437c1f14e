import { existsSync } from "node:fs";

/**
 * Firefox's path, from the environment variable FIREFOX or a standard location; undefined, with a warning, if none.
 */
export function findFirefox(): string | undefined {
  const executable = [
    process.env.FIREFOX,
    "/usr/bin/firefox",
    "/usr/bin/firefox-esr",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
  ].find((file) => file !== undefined && existsSync(file));
  if (!executable) console.warn("Checks in Firefox are skipped: no Firefox (set FIREFOX to its path).");
  return executable;
}
