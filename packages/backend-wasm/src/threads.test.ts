import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import type { Kernels } from "./generated/kernels.ts";
import { KERNELS } from "./generated/sharedKernels.ts";
import { ThreadPool } from "./threads.ts";

const program = fileURLToPath(new URL("../testing/threadsProgram.mjs", import.meta.url));

function run(threads: string, ...args: string[]): { threads: number; relaxed: boolean; digest: string }[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...args], {
    env: { ...process.env, GMR_THREADS: threads },
    encoding: "utf8",
    timeout: 50_000,
  });
  // A program kept alive by its threads would run into the time limit.
  expect(status, stderr).toBe(0);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("threads", () => {
  it("give bit-identical numbers, however many, and let the program end", () => {
    const [one] = run("1");
    expect(one.threads).toBe(1);
    for (const threads of [2, 3]) {
      expect(run(String(threads))).toEqual([{ threads, relaxed: one.relaxed, digest: one.digest }]);
    }
  });

  it("end when they are disposed of", () => {
    expect(run("2", "dispose").map((line) => line.threads)).toEqual([2, 1]);
  });

  it("are a positive number", () => {
    const { stderr, status } = spawnSync(process.execPath, [program], {
      env: { ...process.env, GMR_THREADS: "many" },
      encoding: "utf8",
    });
    expect(status).toBe(1);
    expect(stderr).toContain('GMR_THREADS must be a positive integer, got "many"');
  });
});

describe("ThreadPool", () => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 16, shared: true });
  const bytes = Uint8Array.from(atob(KERNELS), (c) => c.charCodeAt(0));
  const module = new WebAssembly.Module(bytes);

  async function pool(size: number): Promise<ThreadPool> {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const run = exports as unknown as Kernels;
    const threads = await ThreadPool.start(size, module, memory, run);
    for (let i = 0; threads.available < size; i++) {
      if (i > 500) throw new Error("the threads did not start");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return threads;
  }

  it("runs one call per thread, also after they have gone to sleep", async () => {
    const threads = await pool(3);
    const floats = new Float32Array(memory.buffer);
    for (let round = 0; round < 3; round++) {
      floats.fill(round - 1, 0, 300);
      threads.call(
        "addRelu",
        [0, 1, 2].map((t) => [400 * t, 400 * t, 4000 + 400 * t, 100]),
      );
      expect(floats.subarray(1000, 1300)).toEqual(new Float32Array(300).fill(Math.max(0, 2 * round - 2)));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    threads.dispose();
  });

  it("reports a kernel that fails in a thread, and is not used again", async () => {
    const threads = await pool(2);
    const outside = memory.buffer.byteLength;
    await expectGmrError(
      () =>
        threads.call("addRelu", [
          [0, 0, 0, 4],
          [outside, 0, 0, 4],
        ]),
      "internal",
      "a thread of the wasm kernels failed in a kernel; call useWasm({ threads: 1 })",
    );
    expect(() => threads.available).toThrow("failed in a kernel");
    threads.dispose();
  });

  it("continues on one thread if another one ended, and says so", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const threads = await pool(3);
    const [handle] = Reflect.get(threads, "handles") as Worker[];
    await handle.terminate();
    await vi.waitFor(() => expect(threads.available).toBe(1));
    expect(threads.threads).toBe(1);
    expect(warn.mock.calls).toEqual([
      ["GMR-Conv: one thread, since another thread of the wasm kernels ended"],
    ]);
    threads.dispose();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });
});
