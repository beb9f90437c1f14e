// Dawn on a software adapter, for tests on machines without a GPU.

import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/** Folders where Chromium keeps its SwiftShader and a Vulkan loader. */
const FOLDERS = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];

/**
 * Points the Vulkan loader of processes that this one starts to a SwiftShader, unless the environment names a driver.
 * Call it before they start: libraries are looked up by the environment at that time.
 */
export function preferSoftwareAdapter(): void {
  if (process.platform !== "linux" || process.env.VK_ICD_FILENAMES || process.env.VK_DRIVER_FILES) return;
  const folder = FOLDERS.find((name) => existsSync(path.join(name, "vk_swiftshader_icd.json")));
  if (folder === undefined) return;
  process.env.VK_ICD_FILENAMES = path.join(folder, "vk_swiftshader_icd.json");
  process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, folder].filter(Boolean).join(":");
  process.env.XDG_RUNTIME_DIR ??= os.tmpdir();
}
