import { fileURLToPath } from "node:url";
import { openMpi } from "@gmr-conv/distributed/mpi";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { findLaunchers, type Launcher, runRanks } from "../../../tooling/testing/mpi.ts";

const program = fileURLToPath(new URL("../testing/ranks.mjs", import.meta.url));
const launchers = findLaunchers();

function start(launcher: Launcher, ranks: number, job: object, env?: Record<string, string>) {
  return runRanks(launcher, ranks, [program, JSON.stringify(job)], { ...(env && { env }) });
}

describe.each(launchers)("$name", (launcher) => {
  it.each([1, 2, 3])("exchanges numbers and bytes between %i ranks", async (size) => {
    const { code, stdout, stderr } = await start(launcher, size, { work: "exchange", timeout: 60 });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const found = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    found.sort((a, b) => a.rank - b.rank);
    const all = Array.from({ length: size }, (_, rank) => rank);
    const total = all.reduce((sum, rank) => sum + rank, 0);
    expect(found).toEqual(
      all.map((rank) => ({
        rank,
        size,
        localRank: rank,
        localSize: size,
        name: expect.stringMatching(launcher.name === "MPICH" ? /^MPICH \d/ : /^Open MPI v\d/),
        sum: [total, size],
        most: [size - 1, 0],
        many: Array.from({ length: 20 }, (_, i) => [i * size + total, i * size + total]),
        long: [total + size, total + size],
        heard: "from rank 0, €",
        nothing: 0,
        ...(rank === 0 && { parts: all.map((n) => new Array(3 * n).fill(n)) }),
      })),
    );
  });

  it.each([
    [
      "loops for ever",
      "loop",
      1,
      /rank 0 of 3: waited \d+ s at allReduce \d+ for rank 1 \([^)]+, process \d+\)/,
    ],
    ["sleeps", "sleep", 2, /rank 0 of 3: waited \d+ s at allReduce \d+ for rank 2 \([^)]+, process \d+\)/],
    [
      "is rank 0 and loops",
      "loop",
      0,
      /rank [12] of 3: rank 0 \([^)]+, process \d+\) has not answered for \d+ s/,
    ],
    ["gives up", "abort", 1, /rank 1 of 3: out of film/],
  ])("ends the job when a rank %s, naming it", async (_, work, rank, message) => {
    const { code, stdout, stderr, seconds } = await start(launcher, 3, { work, rank, timeout: 1 });
    expect(stderr).toMatch(message);
    expect(code).not.toBe(0);
    expect(stdout).not.toContain("unexpected");
    expect(seconds).toBeLessThan(30);
  });

  it("ends the job when a rank dies", async () => {
    const { code, stdout, stderr, seconds } = await start(launcher, 3, { work: "die", rank: 1, timeout: 60 });
    expect(stdout + stderr).toMatch(/rank 1.*signal 9|EXIT CODE: 9/s);
    expect(code).not.toBe(0);
    expect(seconds).toBeLessThan(30);
  });

  it("waits without limit for what rank 0 prepares", async () => {
    const { code, stdout } = await start(launcher, 2, { work: "patience", timeout: 1 });
    expect([code, stdout.match(/waited/g)?.length]).toEqual([0, 2]);
  });

  it("refuses the library of another MPI than the launcher's", async () => {
    const other = launcher.name === "MPICH" ? "libmpi.so.40" : "libmpich.so.12";
    if (launchers.length < 2) {
      console.warn("Not tried with another library: only one MPI is installed.");
      return;
    }
    const job = { work: "exchange", timeout: 10 };
    const { code, stderr } = await start(launcher, 2, job, { GMR_MPI_LIBRARY: other });
    expect(stderr).toMatch(
      /2 processes were started together, but libmpi\S+ knows of 1: use the launcher of the same/,
    );
    expect(code).not.toBe(0);
  });
});

it("says what is missing", async () => {
  await expectGmrError(
    () => openMpi({ library: "libnothing.so" }),
    "unsupported",
    /^no MPI library could be loaded \(libnothing\.so: .+\): install Open MPI or MPICH, or name the library's file/,
  );
  await expectGmrError(() => openMpi({ timeout: 0 }), "invalid-argument", "timeout must be positive, got 0");
  await expectGmrError(
    () => openMpi({ time: 3 } as never),
    "invalid-argument",
    /^the options of openMpi have no .*time/,
  );
});
