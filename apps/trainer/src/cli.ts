#!/usr/bin/env node
// The process of the command.

import { main } from "./main.ts";

// The reader of the output may stop early, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  if (process.exitCode === undefined)
    console.error(`gmr: what was printed is not complete: ${error.message}`);
  process.exitCode = 1;
});

// A closed terminal or a log on a full disk ends no training: what cannot be printed is not printed.
process.stderr.on("error", () => {});

await main();
