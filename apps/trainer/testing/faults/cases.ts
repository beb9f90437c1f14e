// What can happen to the files of a training, each with what must come of it.

import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";

/** What happens while the n-th checkpoint is written; there is one after every step. */
export interface Action {
  at: number;
  /** Default: before its file is opened. */
  moment?: "open" | "write" | "sync" | "aside" | "rename" | "done";
  do: "kill" | "stop" | "fail" | "remove" | "fill" | "free" | "readOnly" | "writable";
  /** Of `fail`: the error of the system. */
  code?: string;
  /** Of `fill`: bytes to leave. */
  leave?: number;
}

/** The path of a file of the run. */
export type Files = (name: string) => string;

export interface Case {
  fault: string;
  actions?: Action[];
  /** Needs a file system of its own. */
  disk?: boolean;
  /** Checkpoints to keep. Default 2. */
  keep?: number;
  /** Limits the size of files, in KiB. */
  fileLimit?: number;
  /** Standard error goes to a full disk. */
  logOnFullDisk?: boolean;
  /** Done to the run's empty folder before training. */
  before?: (file: Files) => void;
  /** Done to the files after training. */
  damage?: (file: Files) => void;
  /** How training ends: `killed`, or its exit code. */
  ends: 0 | 1 | "killed";
  /** The step of the last whole checkpoint then, from which training is resumed; 0 if there is none. */
  from: number;
  /** What training says, or its continuation. */
  says?: RegExp;
}

/** The number of steps of the training. */
export const STEPS = 20;

export const NEWEST = "gmr.checkpoint.safetensors";
export const BEFORE = "gmr.checkpoint-1.safetensors";

const killedAt = (at: number, moment: Action["moment"] = "open"): Action[] => [{ at, moment, do: "kill" }];

function flipBit(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 200] ^= 1;
  writeFileSync(file, bytes);
}

const noSpace = /no space is left.*checkpoint of step 7, .*, is there/;
const readOnly = /the file system is read-only.*checkpoint of step 7, .*, is there/;

export const CASES: readonly Case[] = [
  {
    fault: "the disk is full from step 8 to the end",
    disk: true,
    actions: [{ at: 8, do: "fill" }],
    ends: 1,
    from: 7,
    says: noSpace,
  },
  {
    fault: "the disk is full from step 8 to step 12",
    disk: true,
    actions: [
      { at: 8, do: "fill" },
      { at: 13, do: "free" },
    ],
    ends: 0,
    from: STEPS,
    says: /is written again/,
  },
  {
    fault: "the disk becomes full in the middle of a write, kill -9 later",
    disk: true,
    actions: [{ at: 8, do: "fill", leave: 4096 }, ...killedAt(11)],
    ends: "killed",
    from: 7,
    says: noSpace,
  },
  {
    fault: "the disk is full where SIGTERM stops the training",
    disk: true,
    actions: [
      { at: 8, do: "fill" },
      { at: 10, do: "stop" },
    ],
    ends: 1,
    from: 7,
    says: noSpace,
  },
  {
    fault: "the disk is full at the last step and for two attempts more",
    disk: true,
    actions: [
      { at: 20, do: "fill" },
      { at: 22, do: "free" },
    ],
    ends: 0,
    from: STEPS,
    says: /trying again for 3 seconds; the checkpoint of step 19/,
  },
  {
    fault: "the file system becomes read-only at step 8",
    disk: true,
    actions: [{ at: 8, do: "readOnly" }],
    ends: 1,
    from: 7,
    says: readOnly,
  },
  {
    fault: "the file system is read-only from step 8 to step 12",
    disk: true,
    actions: [
      { at: 8, do: "readOnly" },
      { at: 13, do: "writable" },
    ],
    ends: 0,
    from: STEPS,
    says: /is written again/,
  },
  {
    fault: "the file system becomes read-only, kill -9 later",
    disk: true,
    actions: [{ at: 8, do: "readOnly" }, ...killedAt(12)],
    ends: "killed",
    from: 7,
    says: readOnly,
  },
  {
    fault: "no file may be larger than 4 KiB",
    fileLimit: 4,
    ends: 1,
    from: 0,
    says: /too large for the file system.*there is no checkpoint yet/,
  },
  {
    fault: "the device fails in the middle of a write",
    actions: [{ at: 8, moment: "write", do: "fail", code: "EIO" }],
    ends: 0,
    from: STEPS,
    says: /the device failed/,
  },
  {
    fault: "the device fails while it syncs, kill -9 at the next step",
    actions: [{ at: 8, moment: "sync", do: "fail", code: "EIO" }, ...killedAt(9)],
    ends: "killed",
    from: 7,
    says: /the device failed/,
  },
  { fault: "kill -9 in the middle of a write", actions: killedAt(10, "write"), ends: "killed", from: 9 },
  { fault: "kill -9 before the first rename", actions: killedAt(10, "aside"), ends: "killed", from: 9 },
  {
    fault: "kill -9 between the two renames",
    actions: killedAt(10, "rename"),
    ends: "killed",
    from: 9,
    says: /gmr\.checkpoint\.safetensors is missing: training goes on from .*checkpoint-1.*, step 9/,
  },
  { fault: "kill -9 after the renames", actions: killedAt(10, "done"), ends: "killed", from: 10 },
  {
    fault: "the newest checkpoint is cut short",
    actions: killedAt(11),
    damage: (file) => truncateSync(file(NEWEST), 3000),
    ends: "killed",
    from: 9,
    says: /training goes on from .*checkpoint-1\.safetensors, step 9/,
  },
  {
    fault: "a bit of the newest checkpoint is flipped",
    actions: killedAt(11),
    damage: (file) => flipBit(file(NEWEST)),
    ends: "killed",
    from: 9,
    says: /is damaged.*: training goes on from .*checkpoint-1\.safetensors, step 9/,
  },
  {
    fault: "the newest checkpoint is empty",
    actions: killedAt(11),
    damage: (file) => truncateSync(file(NEWEST), 0),
    ends: "killed",
    from: 9,
    says: /training goes on from .*checkpoint-1\.safetensors, step 9/,
  },
  {
    fault: "the newest checkpoint is deleted",
    actions: killedAt(11),
    damage: (file) => rmSync(file(NEWEST)),
    ends: "killed",
    from: 9,
    says: /is missing: training goes on from .*checkpoint-1\.safetensors, step 9/,
  },
  {
    fault: "a folder is in the place of the newest checkpoint",
    actions: killedAt(11),
    damage(file) {
      rmSync(file(NEWEST));
      mkdirSync(`${file(NEWEST)}/with/something`, { recursive: true });
    },
    ends: "killed",
    from: 9,
    says: /it is a folder, expected a file: training goes on from .*checkpoint-1\.safetensors, step 9/,
  },
  {
    fault: "the newest checkpoint and the one before are damaged, of three",
    keep: 3,
    actions: killedAt(11),
    damage(file) {
      truncateSync(file(NEWEST), 100);
      flipBit(file(BEFORE));
    },
    ends: "killed",
    from: 8,
    says: /training goes on from .*checkpoint-2\.safetensors, step 8/,
  },
  {
    fault: "the best weights are cut short",
    actions: killedAt(11),
    damage: (file) => truncateSync(file("gmr.best.safetensors"), 1000),
    ends: "killed",
    from: 10,
    says: /the weights of epoch 1, the best so far, are lost/,
  },
  {
    fault: "the run's folder is deleted at step 8",
    actions: [{ at: 8, do: "remove" }],
    ends: 0,
    from: STEPS,
  },
  {
    fault: "a file is in the place of the folder for TensorBoard",
    before: (file) => writeFileSync(file("tensorboard"), ""),
    ends: 0,
    from: STEPS,
    says: /expected a folder: training goes on without events for TensorBoard/,
  },
  { fault: "the log is on a full disk", logOnFullDisk: true, ends: 0, from: STEPS },
];
