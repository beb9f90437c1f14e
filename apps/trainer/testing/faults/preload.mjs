// Loaded into the command before it starts (node --import): counts the checkpoints that it writes and does at the n-th
// of them what GMR_FAULTS asks for. Each is written in these moments: "open", "write", "sync", "aside" (the one before
// it gets its older name), "rename" and "done".

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";

const { folder, mount, real, actions } = JSON.parse(process.env.GMR_FAULTS ?? '{"actions":[]}');
const { openSync, writeSync, fsyncSync, renameSync, rmSync, appendFileSync } = fs;
const { appendFile } = fs.promises;

/** What a disk answers that is full or read-only, where none can be mounted. */
let pretended;
let count = 0;
let handle;

const fail = (code, syscall) => {
  throw Object.assign(new Error(`${code}: injected, ${syscall}`), { code, syscall });
};

const doing = {
  kill: () => process.kill(process.pid, "SIGKILL"),
  stop: () => process.kill(process.pid, "SIGTERM"),
  fail: ({ code, moment }) => fail(code, moment),
  remove: () => rmSync(folder, { recursive: true, force: true }),
  fill({ leave = 0 }) {
    if (!real) pretended = "ENOSPC";
    else fill(path.join(mount, "ballast"), leave);
  },
  free() {
    pretended = undefined;
    if (real) rmSync(path.join(mount, "ballast"));
  },
  readOnly() {
    if (!real) pretended = "EROFS";
    else execFileSync("mount", ["-o", "remount,ro", mount]);
  },
  writable() {
    pretended = undefined;
    if (real) execFileSync("mount", ["-o", "remount,rw", mount]);
  },
};

/** Takes all space of a file system but some. */
function fill(file, leave) {
  const ballast = openSync(file, "w");
  let length = 0;
  try {
    for (;;) length += writeSync(ballast, Buffer.alloc(4096));
  } catch {}
  fs.ftruncateSync(ballast, length - leave);
  fs.closeSync(ballast);
}

function reach(moment) {
  for (const action of actions) {
    if (action.at === count && (action.moment ?? "open") === moment) doing[action.do]({ ...action, moment });
  }
}

const isAsked = (moment) => actions.some((action) => action.at === count && action.moment === moment);
const isNewest = (file) => /\.checkpoint\.safetensors$/.test(file);
const check = (file, syscall) => {
  if (pretended && String(file).startsWith(folder)) fail(pretended, syscall);
};

fs.openSync = (file, ...rest) => {
  const isCheckpoint = /\.checkpoint\.safetensors\.\d+\.tmp$/.test(file);
  if (isCheckpoint) {
    count++;
    reach("open");
  }
  if (rest[0] === "w") check(file, "open");
  const opened = openSync(file, ...rest);
  if (isCheckpoint) handle = opened;
  return opened;
};
fs.writeSync = (to, bytes, ...rest) => {
  if (to === handle && isAsked("write")) {
    writeSync(to, bytes.subarray(0, bytes.length >> 1));
    reach("write");
  }
  return writeSync(to, bytes, ...rest);
};
fs.fsyncSync = (of) => {
  if (of === handle) {
    handle = undefined;
    reach("sync");
  }
  return fsyncSync(of);
};
fs.renameSync = (from, to) => {
  if (isNewest(from)) reach("aside");
  if (isNewest(to)) reach("rename");
  renameSync(from, to);
  if (isNewest(to)) reach("done");
};
fs.appendFileSync = (file, ...rest) => {
  check(file, "open");
  return appendFileSync(file, ...rest);
};
fs.promises.appendFile = async (file, ...rest) => {
  check(file, "open");
  return appendFile(file, ...rest);
};
syncBuiltinESMExports();
