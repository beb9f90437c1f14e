import { expect, it } from "vitest";
import { stopOnSignals } from "./parallel.ts";

it("takes a signal that comes twice at once, as npm and launchers pass it on, for one", () => {
  const others = process.listeners("SIGTERM");
  process.removeAllListeners("SIGTERM"); // those of the test runner
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const said: string[] = [];
  const unlisten = stopOnSignals(flag, (line) => said.push(line));
  try {
    process.emit("SIGTERM", "SIGTERM");
    process.emit("SIGTERM", "SIGTERM"); // would end the process
    expect([flag[0], said.length]).toEqual([1, 1]);
  } finally {
    unlisten();
    for (const listener of others) process.on("SIGTERM", listener);
  }
});
