// A process that measures on request: its memory is that of one network alone, and processes can take turns. It answers
// lines of JSON with lines of JSON; first it sends `{"ready":true,"threads":n}` unasked. It ends when its input ends.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { GmrError, reasonOf } from "@gmr-conv/core";

/** After a turn, threads spin for a while before they sleep; nothing else should be measured meanwhile. */
const SETTLE_MS = 20;

/** One measurement. */
export interface Turn {
  ms: number;
  /** Peak resident memory so far, MiB. */
  peakMB: number;
  /** The same before the first run. */
  beforeMB?: number;
}

export class BenchProcess {
  /** Threads used. */
  readonly threads: number;
  private readonly wire: Wire;

  private constructor(wire: Wire, threads: number) {
    this.wire = wire;
    this.threads = threads;
  }

  /**
   * Starts a program and waits until it is ready.
   * @throws GmrError `unsupported` with its message, if it cannot be started or reports an error
   */
  static async start(program: string, args: readonly string[]): Promise<BenchProcess> {
    const wire = new Wire(program, args);
    try {
      const ready = await wire.read();
      return new BenchProcess(wire, numberIn(ready, "threads"));
    } catch (error) {
      await wire.close();
      throw error;
    }
  }

  /** Sends a request and returns the answer. @throws GmrError `unsupported` */
  async ask(request: object): Promise<object> {
    await delay(SETTLE_MS);
    this.wire.write(request);
    const answer = await this.wire.read();
    await delay(SETTLE_MS);
    return answer;
  }

  /** Asks for one measurement. @throws GmrError `unsupported` */
  async turn(request: object): Promise<Turn> {
    const answer = await this.ask(request);
    return {
      ms: numberIn(answer, "ms"),
      peakMB: numberIn(answer, "peakMB"),
      ...("beforeMB" in answer ? { beforeMB: numberIn(answer, "beforeMB") } : {}),
    };
  }

  /** Ends the process and waits until it has ended. */
  close(): Promise<void> {
    return this.wire.close();
  }
}

/** A number in an answer, by key. @throws GmrError `internal` if it is missing */
export function numberIn(answer: object, key: string): number {
  const value: unknown = Object.entries(answer).find(([name]) => name === key)?.[1];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new GmrError("internal", `expected a number ${key} in ${JSON.stringify(answer)}`);
}

/** Lines to and from a process. */
class Wire {
  private readonly program: string;
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly lines: AsyncIterator<string>;
  private readonly ended: Promise<void>;
  private complaint = "";

  constructor(program: string, args: readonly string[]) {
    this.program = program;
    this.child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.ended = new Promise((resolve) => {
      this.child.on("error", (error) => {
        this.complaint = `${program}: ${reasonOf(error)}`;
        resolve();
      });
      this.child.on("close", () => resolve());
    });
    this.child.stderr.on("data", (data) => {
      this.complaint += data;
    });
    this.child.stdin.on("error", () => {}); // the end of its output says that a process has ended
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  write(request: object): void {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
  }

  async read(): Promise<object> {
    const { value, done } = await this.lines.next();
    if (done) {
      await this.ended;
      const last = this.complaint.trim().split("\n").at(-1);
      throw new GmrError("unsupported", last || `${this.program} ended early`);
    }
    const answer = parseObject(value);
    if (!answer) throw new GmrError("unsupported", `${this.program} answered ${JSON.stringify(value)}`);
    if ("error" in answer) throw new GmrError("unsupported", String(answer.error));
    return answer;
  }

  close(): Promise<void> {
    this.child.stdin.end();
    return this.ended;
  }
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
