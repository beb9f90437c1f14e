// A cluster of three hosts on one machine: npm run cluster [-- --rate 100mbit]
//
// Three network namespaces, joined by a bridge, are hosts with addresses of their own; mpirun (Open MPI) starts one
// rank on each through a script in place of ssh, and all data goes over TCP between them. Trains a small network, and
// compares its weights with those of one process; then lets a host die, and takes the link of a host down, while a
// training runs, and shows what comes of it. Needs Linux, root, iproute2 and Open MPI. Removes what it made.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { CLI, difference, newest, trainArgs } from "../../apps/trainer/testing/ranks.ts";
import { findLaunchers, MPI_ENVIRONMENT } from "../testing/mpi.ts";

const HOSTS = 3;
const EPOCHS = 3;
const LONG = 400;
const RANK_TIMEOUT = 10;
const LIMIT_SECONDS = 60;

const { values: options } = parseArgs({ options: { rate: { type: "string" } } });

const tag = `gmr${process.pid % 10000}`;
const bridge = `${tag}br`;
const namespace = (host: number): string => `${tag}h${host}`;
const address = (host: number): string => `10.213.7.${host + 1}`;
const work = mkdtempSync(path.join(os.tmpdir(), "gmr-cluster-"));

interface Ended {
  code: number | null;
  output: string;
  /** From what was done to it to its end. */
  seconds: number;
}

function sh(...command: string[]): string {
  const { status, error, stdout, stderr } = spawnSync(command[0], command.slice(1), { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

function whyNot(): string | undefined {
  if (process.platform !== "linux") return "network namespaces need Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (spawnSync("ip", ["-V"]).status !== 0) return "the command ip (iproute2) is not installed";
  if (!findLaunchers().some(({ name }) => name === "Open MPI")) return "Open MPI is not installed";
  const made = spawnSync("ip", ["netns", "add", `${tag}try`], { encoding: "utf8" });
  if (made.status !== 0) return `no network namespace can be made: ${made.stderr.trim()}`;
  sh("ip", "netns", "del", `${tag}try`);
  return undefined;
}

function build(): void {
  sh("ip", "link", "add", bridge, "type", "bridge");
  sh("ip", "link", "set", bridge, "up");
  for (let host = 0; host < HOSTS; host++) {
    const [inside, outside, name] = [`${tag}i${host}`, `${tag}o${host}`, namespace(host)];
    sh("ip", "netns", "add", name);
    sh("ip", "link", "add", outside, "type", "veth", "peer", "name", inside);
    sh("ip", "link", "set", outside, "master", bridge, "up");
    sh("ip", "link", "set", inside, "netns", name);
    sh("ip", "-n", name, "link", "set", inside, "name", "eth0");
    sh("ip", "-n", name, "addr", "add", `${address(host)}/24`, "dev", "eth0");
    sh("ip", "-n", name, "link", "set", "eth0", "up");
    sh("ip", "-n", name, "link", "set", "lo", "up");
    // The same for connections with data on their way.
    sh("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_retries2=5");
    if (options.rate) {
      const shape = ["tbf", "rate", options.rate, "burst", "256kb", "latency", "100ms"];
      sh("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "eth0", "root", ...shape);
    }
  }
  // What mpirun calls in place of ssh: AGENT ADDRESS COMMAND…
  const cases = Array.from({ length: HOSTS }, (_, host) => `  ${address(host)}) name=${namespace(host)} ;;`);
  const agent = [
    "#!/bin/sh",
    'while [ "$1" = "-x" ] || [ "$1" = "-n" ]; do shift; done',
    'case "$1" in',
    ...cases,
    '  *) echo "unknown host $1" >&2; exit 1 ;;',
    "esac",
    "shift",
    'exec ip netns exec "$name" unshare --uts sh -c "hostname $name; $*"',
    "",
  ].join("\n");
  writeFileSync(path.join(work, "agent"), agent);
  chmodSync(path.join(work, "agent"), 0o755);
}

/** The processes in a host. */
function processesOf(host: number): number[] {
  const { stdout } = spawnSync("ip", ["netns", "pids", namespace(host)], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

function killHost(host: number): void {
  for (const pid of processesOf(host)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {} // It has just ended.
  }
}

function clean(): void {
  for (let host = 0; host < HOSTS; host++) {
    killHost(host);
    spawnSync("ip", ["netns", "del", namespace(host)]);
    spawnSync("ip", ["link", "del", `${tag}o${host}`]);
  }
  spawnSync("ip", ["link", "del", bridge]);
  rmSync(work, { recursive: true, force: true });
}

/** A job of one rank on each host, started on the first. */
function onCluster(args: string[], during?: (child: ChildProcess) => Promise<void>): Promise<Ended> {
  const hosts = Array.from({ length: HOSTS }, (_, host) => `${address(host)}:1`).join(",");
  const mca = {
    plm_rsh_agent: path.join(work, "agent"),
    // No shared memory and no other network: everything goes over TCP between the namespaces.
    btl: "tcp,self",
    btl_tcp_if_include: "eth0",
    oob_tcp_if_include: "eth0",
    // Hosts that do not answer are given up after 16 s, by default after minutes.
    oob_tcp_keepalive_time: "10",
    oob_tcp_keepalive_intvl: "2",
    oob_tcp_keepalive_probes: "3",
    pml: "ob1",
  };
  const command = [
    ...[
      "netns",
      "exec",
      namespace(0),
      "unshare",
      "--uts",
      "sh",
      "-c",
      `hostname ${namespace(0)}; exec "$@"`,
      "--",
    ],
    ...["mpirun.openmpi", "-np", String(HOSTS), "--host", hosts, "-x", "GMR_THREADS"],
    ...Object.entries(mca).flatMap(([key, value]) => ["--mca", key, value]),
    ...[process.execPath, CLI, ...args, "--distributed", "mpi", "--rank-timeout", String(RANK_TIMEOUT)],
  ];
  const child = spawn("ip", command, { env: { ...process.env, ...MPI_ENVIRONMENT, GMR_THREADS: "1" } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text) => {
      output += text;
    });
  }
  let struck = performance.now();
  const done = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    const limit = setTimeout(
      () => {
        output += "\nstill running: ended by this program";
        for (let host = 0; host < HOSTS; host++) killHost(host);
      },
      3 * LIMIT_SECONDS * 1000,
    );
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ code, output, seconds: (performance.now() - struck) / 1000 });
    });
  });
  return (during?.(child) ?? Promise.resolve()).then(() => {
    if (during) struck = performance.now();
    return done;
  });
}

/** Bytes that a host has sent. */
const sentBy = (host: number): number =>
  Number(sh("ip", "netns", "exec", namespace(host), "cat", "/sys/class/net/eth0/statistics/tx_bytes").trim());

let failed = 0;
function report(what: string, wrong: string | undefined, found: string): void {
  if (wrong) failed++;
  console.log(`${what.padEnd(34)} ${wrong ? `FAILED: ${wrong}` : "ok"}; ${found}`);
}

async function compare(): Promise<void> {
  const alone = path.join(work, "alone");
  sh(process.execPath, CLI, ...trainArgs(alone, EPOCHS));
  const runs = path.join(work, "together");
  const { code, output, seconds } = await onCluster(trainArgs(runs, EPOCHS));
  const [one, three] = [await newest(alone), await newest(runs)];
  const apart = one && three ? difference(three, one) : Infinity;
  if (code !== 0 || apart > 1e-5) console.error(output);
  const megabytes = Array.from({ length: HOSTS }, (_, host) => (sentBy(host) / 1e6).toFixed(1)).join(", ");
  report(
    `${HOSTS} hosts train`,
    code !== 0 ? `ended with ${code}` : apart > 1e-5 ? "other weights" : undefined,
    `weights differ by ${apart.toExponential(1)} from those of one process; ${seconds.toFixed(1)} s; ` +
      `MB sent by each host: ${megabytes}`,
  );
}

/** @param says what the error must contain */
async function fails(
  what: string,
  says: RegExp,
  strike: (host: number) => void,
  host: number,
): Promise<void> {
  const runs = path.join(work, `run-${failed}-${what.replaceAll(" ", "-")}`);
  const args = trainArgs(runs, LONG, "--set", "train.checkpointSeconds=0.2");
  const ended = await onCluster(args, async (child) => {
    while (
      child.exitCode === null &&
      ((await newest(runs).catch(() => undefined))?.position.step ?? 0) < 20
    ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    strike(host);
  });
  const saved = (await newest(runs))?.position.step ?? 0;
  const wrong =
    ended.code === 0
      ? "ended without an error"
      : ended.seconds > LIMIT_SECONDS
        ? `only after ${ended.seconds.toFixed(0)} s`
        : !says.test(ended.output)
          ? `does not say ${says}`
          : saved === 0
            ? "no checkpoint"
            : undefined;
  const left = await gone();
  if (wrong || left > 0) console.error(ended.output);
  const said = ended.output.split("\n").find((line) => says.test(line)) ?? "";
  report(
    what,
    wrong ?? (left > 0 ? `${left} processes left` : undefined),
    `ended after ${ended.seconds.toFixed(1)} s, checkpoint of step ${saved}; it says: ${said.trim()}`,
  );
}

/** Processes that are left on the hosts some time after a job has ended. */
async function gone(): Promise<number> {
  const left = (): number =>
    Array.from({ length: HOSTS }, (_, host) => processesOf(host).length).reduce((a, b) => a + b);
  for (let waited = 0; waited < 20 && left() > 0; waited++)
    await new Promise((resolve) => setTimeout(resolve, 1000));
  const count = left();
  for (let host = 0; host < HOSTS; host++) killHost(host);
  return count;
}

const reason = whyNot();
if (reason !== undefined) {
  console.error(`npm run cluster: ${reason}`);
  rmSync(work, { recursive: true, force: true });
  process.exitCode = 1;
} else {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      clean();
      process.exit(130);
    });
  }
  try {
    build();
    await compare();
    await fails("the processes of a host are killed", /daemon|rank 2\b/, killHost, 2);
    await fails(
      "the link of a host goes down",
      new RegExp(`rank 2 \\(|${namespace(2)}|${address(2)}`),
      (host) => sh("ip", "-n", namespace(host), "link", "set", "eth0", "down"),
      2,
    );
  } finally {
    clean();
  }
  process.exitCode = failed > 0 ? 1 : 0;
}
