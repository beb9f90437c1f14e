// For tests with several processes: finds the launchers of MPI programs.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface Launcher {
  /** Such as `mpirun.openmpi`. */
  command: string;
  name: "Open MPI" | "MPICH" | "MPI";
}

/** The installed launchers, one for each MPI; none, with a warning, if there is no MPI. */
export function findLaunchers(): Launcher[] {
  const works = (command: string): string =>
    spawnSync(command, ["--version"], { encoding: "utf8" }).stdout ?? "";
  const nameOf = (version: string): Launcher["name"] =>
    /open/i.test(version) ? "Open MPI" : /mpich|hydra/i.test(version) ? "MPICH" : "MPI";
  const found = ["mpirun.openmpi", "mpirun.mpich", "mpirun"].flatMap((command): Launcher[] => {
    const version = works(command);
    return version ? [{ command, name: nameOf(version) }] : [];
  });
  if (found.length === 0)
    console.warn("Tests with several processes are skipped: no mpirun of Open MPI or MPICH.");
  return found.filter(({ name }, i) => found.findIndex((other) => other.name === name) === i);
}

/** The environment in which Open MPI starts more processes than there are processors, and as root in a container. */
export const MPI_ENVIRONMENT = {
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  OMPI_MCA_rmaps_base_oversubscribe: "1",
  // Without colours, also under a test runner.
  NO_COLOR: "1",
  FORCE_COLOR: undefined,
} as const;

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
}

/**
 * Runs a Node program on several ranks.
 * @param during is given the launcher's process and what it has printed so far
 */
export function runRanks(
  { command }: Launcher,
  ranks: number,
  program: readonly string[],
  options: {
    env?: Record<string, string>;
    cwd?: string;
    during?: (child: ChildProcess, printed: () => string) => Promise<void>;
  } = {},
): Promise<Ended> {
  const began = performance.now();
  const child = spawn(command, ["-np", String(ranks), process.execPath, ...program], {
    env: { ...process.env, ...MPI_ENVIRONMENT, ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const during = options.during?.(child, () => stdout + stderr);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const ended = { code, stdout, stderr, seconds: (performance.now() - began) / 1000 };
      (during ?? Promise.resolve()).then(() => resolve(ended), reject);
    });
  });
}

/** The processes of the ranks that a launcher has started on this machine (Linux), by rank. */
export function rankProcesses(launcher: number): Map<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The name of the program, in parentheses, may contain anything.
      const [, parent] = readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\)/s, "").trim().split(" ");
      parents.set(Number(name), Number(parent));
    } catch {} // It has just ended.
  }
  const descends = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === launcher || descends(parents.get(pid)));
  const found = new Map<number, number>();
  for (const pid of parents.keys()) {
    if (pid === launcher || !descends(pid)) continue;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      const rank = /(?:^|\0)(?:OMPI_COMM_WORLD_RANK|PMI_RANK)=(\d+)/.exec(environment)?.[1];
      if (rank !== undefined) found.set(Number(rank), pid);
    } catch {}
  }
  return found;
}
