// The progress of tasks that run side by side. In a terminal, lines are drawn in place, in the order of the tasks;
// elsewhere, each is printed now and then.

import { formatBar, Remaining } from "./progress.ts";
import { isLive, terminalWidth } from "./terminal.ts";

/** What a stream must offer. */
export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

/** One piece of work of a task. */
interface Line {
  label: string;
  total: number;
  done: number;
  values: Record<string, string>;
  remaining: Remaining;
  /** Milliseconds: when it was last printed as plain text. */
  printed: number;
}

/** How often lines are drawn, and printed where they cannot be drawn again. */
const [DRAW_MS, PRINT_MS] = [200, 15_000];

export class ParallelProgress {
  private readonly stream: ProgressStream;
  private readonly live: boolean;
  /** The lines of each task. */
  private readonly lines: Line[][];
  /** The number of lines on the screen. */
  private drawn = 0;
  private lastDrawn = Number.NEGATIVE_INFINITY;

  constructor(tasks: number, stream: ProgressStream = process.stderr, live = isLive(stream)) {
    this.stream = stream;
    this.live = live;
    this.lines = Array.from({ length: tasks }, () => []);
  }

  /** Begins a line of a task. */
  start(task: number, label: string, total: number, done: number): void {
    const remaining = new Remaining(total, done);
    this.lines[task].push({ label, total, done, values: {}, remaining, printed: performance.now() });
    this.draw(true);
  }

  /** Updates the newest line of a task. */
  update(task: number, done: number, values: Record<string, string>): void {
    const line = this.lines[task].at(-1);
    if (!line) return;
    Object.assign(line, { done, values });
    const finished = done >= line.total;
    if (this.live) this.draw(finished);
    else if (finished || performance.now() - line.printed > PRINT_MS) {
      line.printed = performance.now();
      this.stream.write(`${this.textOf(line)}\n`);
    }
  }

  /** Prints a line above those of the tasks. */
  say(text: string): void {
    this.erase();
    this.stream.write(`${text}\n`);
    this.draw(true);
  }

  /** Draws the lines a last time, where they stay. */
  stop(): void {
    this.draw(true);
    this.drawn = 0;
  }

  private draw(always: boolean): void {
    if (!this.live) return;
    const now = performance.now();
    if (!always && now - this.lastDrawn < DRAW_MS) return;
    this.lastDrawn = now;
    this.erase();
    const all = this.lines.flat();
    this.stream.write(all.map((line) => `${this.textOf(line)}\n`).join(""));
    this.drawn = all.length;
  }

  private erase(): void {
    if (this.drawn > 0) this.stream.write(`\x1b[${this.drawn}A\x1b[J`);
    this.drawn = 0;
  }

  private textOf({ label, total, done, values, remaining }: Line): string {
    const share = total > 0 ? Math.min(1, done / total) : 1;
    return formatBar({ label, share, values, time: remaining.at(done) }, terminalWidth(this.stream));
  }
}
