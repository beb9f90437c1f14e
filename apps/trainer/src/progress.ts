// Progress lines that fit the terminal: the most important values come first, the rest is dropped if there is no room.

/** What a bar shows. */
interface BarState {
  label: string;
  /** From 0 to 1. */
  share: number;
  /** Values by name, the most important first. */
  values: Readonly<Record<string, string>>;
  /** Such as "2m14s left"; empty while unknown. */
  time: string;
}

/** Formats a line of at most `columns` characters. */
export function formatBar({ label, share, values, time: remaining }: BarState, columns: number): string {
  const percent = `${Math.floor(100 * share)} %`;
  const named = Object.entries(values).map(([name, value]) => `${name} ${value}`);
  // A narrow terminal has no room for bars, then for names.
  const candidates: string[][] = [];
  for (let count = named.length; count >= 2; count--) {
    candidates.push([label.padEnd(20), bar(share, 16), percent, ...named.slice(0, count), remaining]);
  }
  for (let count = named.length; count >= 2; count--) {
    candidates.push([label, percent, ...named.slice(0, count), remaining]);
  }
  const bare = Object.values(values).slice(0, 2);
  candidates.push([label, percent, ...bare, remaining], [lastWord(label), percent, ...bare, remaining]);
  const rest = [percent, ...bare, remaining].filter((part) => part !== "").join("  ");
  const room = Math.max(0, columns - rest.length - 3);
  candidates.push([lastWord(label).slice(0, room), rest]);
  const lines = candidates.map((parts) => parts.filter((part) => part !== "").join("  "));
  return (
    lines.find((line) => line.length < columns) ?? lines[lines.length - 1].slice(0, Math.max(0, columns - 1))
  );
}

const lastWord = (label: string): string => label.slice(label.lastIndexOf(" ") + 1);

function bar(share: number, length: number): string {
  const full = Math.round(share * length);
  return `${"█".repeat(full)}${"░".repeat(length - full)}`;
}

/** 134 → "2m14s". */
export function shortDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return `${h}h${String(m).padStart(2, "0")}m`;
  return m > 0 ? `${m}m${String(s).padStart(2, "0")}s` : `${s}s`;
}

/** Estimates only after this time, seconds: the first steps are slow. */
const WARM_UP = 1;

/** Tells the remaining time from the recent speed, and in the end the time that it took. */
export class Remaining {
  private readonly seen: { time: number; done: number }[] = [];
  private readonly total: number;
  private readonly begin: number;
  private readonly now: () => number;

  /** @param now milliseconds */
  constructor(total: number, done: number, now: () => number = () => performance.now()) {
    this.total = total;
    this.now = now;
    this.begin = now();
    this.seen.push({ time: this.begin, done });
  }

  /** "2m14s left", "in 12s" at the end; empty at the start. */
  at(done: number): string {
    const now = this.now();
    const elapsed = (now - this.begin) / 1000;
    if (done >= this.total) return `in ${shortDuration(elapsed)}`;
    const last = this.seen[this.seen.length - 1];
    if (done !== last.done) this.seen.push({ time: now, done });
    if (this.seen.length > 40) this.seen.shift();
    const [first] = this.seen;
    const speed = (done - first.done) / (now - first.time);
    if (this.seen.length < 3 || elapsed < WARM_UP || !(speed > 0)) return "";
    return `${shortDuration(Math.max(1, (this.total - done) / speed / 1000))} left`;
  }
}
