// What the terminal can show: how wide lines may be, and whether they can be drawn again.

/** The width of text for files and other programs. */
const PLAIN_WIDTH = 100;

interface Stream {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

/** The width of a stream's lines: COLUMNS where it is set, else the terminal's, else 100. */
export function terminalWidth(stream: Stream = process.stdout, env = process.env): number {
  const asked = Number(env.COLUMNS);
  if (Number.isSafeInteger(asked) && asked > 0) return asked;
  return (stream.isTTY && stream.columns) || PLAIN_WIDTH;
}

/** Whether lines can be drawn again: in a terminal that a person looks at. */
export function isLive(stream: Stream = process.stderr, env = process.env): boolean {
  return stream.isTTY === true && !env.CI && env.TERM !== "dumb";
}
