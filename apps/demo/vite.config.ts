import { defineConfig } from "vite";
import { offline } from "./offline.ts";

/** What threads need: shared memory is for isolated pages alone. */
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

export default defineConfig({
  base: "./", // any folder of any server
  plugins: [offline()],
  worker: { format: "es" },
  build: { target: "es2022", chunkSizeWarningLimit: 2000 },
  server: { headers: ISOLATION },
  preview: { headers: ISOLATION },
});
