import { symlinkSync } from "node:fs";
import path from "node:path";
import { type Check, checkLosses, type InBrowser } from "./checks.ts";
import { visitFolder } from "./pages.ts";

/** A page that loads core by a script tag. */
export const scriptTag = (inBrowser: InBrowser): Check["run"] =>
  inBrowser((browser) => async (project) => {
    const built = path.join(project.folder, "node_modules/@gmr-conv/core/dist/gmr-core.js");
    symlinkSync(built, path.join(project.folder, "gmr-core.js"));
    const { page } = await visitFolder(browser, project.folder, { file: "script.html" });
    checkLosses(page, 1e-12);
    return undefined;
  });
