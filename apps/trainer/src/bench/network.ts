// The time and memory of a training step and of inference of a ResNet of any size.

import { fileURLToPath } from "node:url";
import { GmrError } from "@gmr-conv/core";
import type { BackendChoice } from "../backendNames.ts";
import { BenchProcess } from "./benchProcess.ts";
import { measureInTurn } from "./entrants.ts";
import type { KernelShare } from "./kernelProfile.ts";
import {
  NETWORK_PASSES,
  type NetworkImpl,
  type NetworkPass,
  type NetworkTime,
  type OpTime,
  type PeerImpl,
} from "./measurements.ts";
import type { NetworkProcessInput } from "./networkProcess.ts";
import type { NetworkShape } from "./networkRun.ts";
import { WARM_UP_ROUNDS } from "./turns.ts";

export interface NetworkBenchOptions {
  shape: NetworkShape;
  impls: readonly NetworkImpl[];
  backend: BackendChoice;
  /** Default: the backend's choice. */
  threads?: number | undefined;
  /** Counted runs of each measurement. */
  runs: number;
}

/** Other implementations of the same network, with as many threads as ours. */
export interface NetworkPeer {
  backend: string;
  impls: readonly PeerImpl[];
  /** A process for one of them; undefined, with a note to the user, if it cannot run here. */
  start(impl: PeerImpl, pass: NetworkPass, threads: number): Promise<BenchProcess | undefined>;
}

/** Measures a training step and inference. @throws GmrError `unsupported` with the message of a process that failed */
export async function benchNetwork(
  options: NetworkBenchOptions,
  report: (time: NetworkTime) => void,
  peers: readonly NetworkPeer[] = [],
): Promise<NetworkTime[]> {
  const { shape, backend, runs } = options;
  const times: NetworkTime[] = [];
  for (const pass of NETWORK_PASSES) {
    const own = options.impls.map((impl) => ({ backend, impl, start: () => startOwn(options, impl, pass) }));
    const others = peers.flatMap(({ backend, impls, start }) =>
      impls.map((impl) => ({
        backend,
        impl,
        start: (threads = 1) => start(impl, pass, options.threads ?? threads),
      })),
    );
    const common = { model: modelName(shape), pass, batch: shape.batch, runs };
    for (const time of await measureInTurn([...own, ...others], common)) {
      times.push(time);
      report(time);
    }
  }
  return times;
}

/** The share of every op in a training step of each implementation. @throws GmrError `unsupported` */
export async function profileNetwork(options: NetworkBenchOptions): Promise<OpTime[]> {
  const { shape, backend, runs } = options;
  const all: OpTime[] = [];
  for (const impl of options.impls) {
    const process = await startOwn(options, impl, "train-step");
    try {
      for (let i = 0; i < WARM_UP_ROUNDS; i++) await process.turn({});
      const common = { model: modelName(shape), backend, threads: process.threads };
      const shares = sharesOf(await process.ask({ profile: true, runs }));
      all.push(
        ...shares.map(
          (share): OpTime => ({
            kind: "profile",
            ...common,
            impl,
            pass: "train-step",
            batch: shape.batch,
            ...share,
          }),
        ),
      );
    } finally {
      await process.close();
    }
  }
  return all;
}

function startOwn(
  { shape, backend, threads }: NetworkBenchOptions,
  impl: NetworkImpl,
  pass: NetworkPass,
): Promise<BenchProcess> {
  const input: NetworkProcessInput = { shape, impl, pass, backend, threads };
  const entry = fileURLToPath(new URL("./networkProcess.js", import.meta.url));
  return BenchProcess.start(process.execPath, [entry, JSON.stringify(input)]);
}

/** `resnet18` has two convolutions in each of 2 + 2 + 2 + 2 blocks, the stem and the classifier. */
function modelName({ depths }: NetworkShape): string {
  return `resnet${2 * depths.reduce((a, b) => a + b, 0) + 2}`;
}

function sharesOf(answer: object): KernelShare[] {
  if ("shares" in answer && Array.isArray(answer.shares) && answer.shares.every(isShare))
    return answer.shares;
  throw new GmrError("internal", `expected a profile, got ${JSON.stringify(answer)}`);
}

function isShare(value: unknown): value is KernelShare {
  if (typeof value !== "object" || value === null) return false;
  return (
    "op" in value &&
    typeof value.op === "string" &&
    "calls" in value &&
    typeof value.calls === "number" &&
    "ms" in value &&
    typeof value.ms === "number" &&
    "percent" in value &&
    typeof value.percent === "number"
  );
}
