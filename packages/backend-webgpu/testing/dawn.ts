// Dawn on a software adapter, for tests on machines without a GPU.

import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/** Folders in which Chromium brings SwiftShader and a Vulkan loader. */
const FOLDERS = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];

/**
 * Points the Vulkan loader of processes started from here to a SwiftShader, unless the environment names a driver. To be
 * called before they start: libraries are looked for where the environment of their start says.
 */
export function preferSoftwareAdapter(): void {
  if (process.platform !== "linux" || process.env.VK_ICD_FILENAMES || process.env.VK_DRIVER_FILES) return;
  const folder = FOLDERS.find((name) => existsSync(path.join(name, "vk_swiftshader_icd.json")));
  if (folder === undefined) return;
  process.env.VK_ICD_FILENAMES = path.join(folder, "vk_swiftshader_icd.json");
  process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, folder].filter(Boolean).join(":");
  process.env.XDG_RUNTIME_DIR ??= os.tmpdir();
}
