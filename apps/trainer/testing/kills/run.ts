// Kills ranks of a training at random steps: npm run kills [-- COUNT [SEED]]
//
// Each time a training of two or three ranks loses a rank (SIGKILL), which must end the job within 30 seconds with an
// error that names it; then as many or another number of ranks resume it. The final weights must be those of an
// undisturbed training: exactly where the number of ranks stays, within 1e-5 otherwise. After that, ranks are stopped
// (SIGSTOP) in place of being killed, with a short --rank-timeout. Prints a table; exits with 1 if a case failed.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Random } from "@gmr-conv/core";
import type { WeightsFile } from "@gmr-conv/training";
import { findLaunchers, type Launcher, rankProcesses, runRanks } from "../../../../tooling/testing/mpi.ts";
import { CLI, difference, equal, newest, trainArgs } from "../ranks.ts";

const EPOCHS = 4;
const STEPS = 10 * EPOCHS;
const LIMIT_SECONDS = 30;
const RANK_TIMEOUT = 4;
const TOLERANCE = 1e-5;

const [count = "10", seed = String(Date.now() % 1e6)] = process.argv.slice(2);
const random = new Random(Number(seed));
const oneOf = (n: number): number => Math.min(n - 1, Math.floor(random.uniform() * n));
const work = mkdtempSync(path.join(os.tmpdir(), "gmr-kills-"));

interface Case {
  signal: "SIGKILL" | "SIGSTOP";
  ranks: number;
  rank: number;
  step: number;
  /** Ranks that resume. */
  resumed: number;
}

function start(launcher: Launcher, runs: string, ranks: number, test?: Case) {
  const timeout = test?.signal === "SIGSTOP" ? RANK_TIMEOUT : 60;
  const args = trainArgs(
    runs,
    EPOCHS,
    ...["--distributed", "mpi", "--rank-timeout", String(timeout)],
    ...["--set", "train.checkpointSeconds=1e-6", ...(existsSync(path.join(runs, "run")) ? ["--resume"] : [])],
  );
  let struck = 0;
  const ended = runRanks(launcher, ranks, [CLI, ...args], {
    env: { GMR_THREADS: "1" },
    ...(test && {
      async during(child) {
        while (
          child.exitCode === null &&
          ((await newest(runs).catch(() => undefined))?.position.step ?? 0) < test.step
        )
          await new Promise((resolve) => setTimeout(resolve, 5));
        const pid = rankProcesses(child.pid as number).get(test.rank);
        if (pid === undefined) throw new Error(`rank ${test.rank} has ended before step ${test.step}`);
        process.kill(pid, test.signal);
        struck = performance.now();
      },
    }),
  });
  return ended.then((all) => ({ ...all, since: (performance.now() - struck) / 1000 }));
}

async function check(launcher: Launcher, test: Case, expected: WeightsFile): Promise<string[]> {
  const runs = mkdtempSync(path.join(work, "case-"));
  const wrong: string[] = [];
  const killed = await start(launcher, runs, test.ranks, test);
  const said = killed.stdout + killed.stderr;
  if (killed.code === 0) wrong.push("ended without an error");
  if (killed.since > LIMIT_SECONDS) wrong.push(`only after ${killed.since.toFixed(1)} s`);
  const names =
    test.signal === "SIGKILL"
      ? new RegExp(`rank ${test.rank}\\b.*signal 9|EXIT CODE: 9`, "is")
      : new RegExp(`for rank ${test.rank} \\(|rank ${test.rank} \\([^)]*\\) has not answered`);
  if (!names.test(said)) wrong.push("does not name the rank");
  const from = (await newest(runs))?.position.step ?? 0;
  const resumed = await start(launcher, runs, test.resumed);
  const final = await newest(runs);
  const apart = final?.position.step === STEPS ? difference(final, expected) : Infinity;
  if (resumed.code !== 0) wrong.push(`resuming ended with ${resumed.code}`);
  const alike = final !== undefined && equal(final, expected);
  if (test.resumed === test.ranks ? !alike : apart > TOLERANCE) wrong.push("other weights");
  if (wrong.length > 0) console.error(said, resumed.stdout, resumed.stderr);
  console.log(
    [
      `${test.signal} ${test.rank} of ${test.ranks}`.padEnd(15),
      `step ${from}`.padEnd(8),
      `${killed.since.toFixed(1)} s`.padStart(7),
      `${test.ranks} → ${test.resumed}`.padStart(6),
      alike ? "equal".padStart(8) : apart.toExponential(1).padStart(8),
      wrong.length > 0 ? `  FAILED: ${wrong.join(", ")}` : "  ok",
    ].join("  "),
  );
  rmSync(runs, { recursive: true, force: true });
  return wrong;
}

try {
  const [launcher] = findLaunchers();
  if (!launcher || process.platform !== "linux") {
    throw new Error("npm run kills needs Linux, with Open MPI or MPICH installed");
  }
  const expected = new Map<number, WeightsFile>();
  for (const ranks of [2, 3]) {
    const runs = path.join(work, `straight-${ranks}`);
    const { code, stdout, stderr } = await start(launcher, runs, ranks);
    const final = await newest(runs);
    if (code !== 0 || !final) throw new Error(stdout + stderr);
    expected.set(ranks, final);
  }
  const [two, three] = [2, 3].map((ranks) => expected.get(ranks) as WeightsFile);
  console.log(
    `${launcher.name}, seed ${seed}; undisturbed, 2 and 3 ranks differ by ${difference(two, three).toExponential(1)}\n` +
      "what             saved      ended  resumed   weights",
  );
  const cases = Array.from({ length: Number(count) + 2 }, (_, n): Case => {
    const ranks = 2 + oneOf(2);
    const hangs = n - Number(count);
    return {
      signal: hangs < 0 ? "SIGKILL" : "SIGSTOP",
      ranks,
      rank: hangs < 0 ? oneOf(ranks) : hangs,
      step: 1 + oneOf(STEPS - 8),
      resumed: n % 2 === 0 ? ranks : 1 + (ranks % 3),
    };
  });
  let failed = 0;
  for (const test of cases) {
    if ((await check(launcher, test, expected.get(test.ranks) as WeightsFile)).length > 0) failed++;
  }
  console.log(`\n${cases.length - failed} of ${cases.length} ended as they should`);
  process.exitCode = failed > 0 ? 1 : 0;
} finally {
  rmSync(work, { recursive: true, force: true });
}
