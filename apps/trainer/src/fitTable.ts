// Tables that fit the terminal.

import Table from "cli-table3";
import { terminalWidth } from "./terminal.ts";

export interface Column {
  head: string;
  /** Default: left. */
  align?: "left" | "right";
  /** The least width that its cells may be wrapped to, as far as their words allow; default: cells are not wrapped. */
  least?: number;
  /** Left out where it does not fit, with a line that says so. */
  optional?: boolean;
}

export type Cell = string | number;

/**
 * A table at most `width` characters wide. Where there is no room, headings and cells are wrapped, then optional
 * columns left out, then the others spread over several tables, each with the first column.
 */
export function fitTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width = terminalWidth(),
): string {
  const all = columns.map((column, i): Sized => {
    const cells = rows.map((row) => String(row[i] ?? ""));
    const wide = Math.max(lengthOf(column.head), ...cells.map(lengthOf));
    const words = Math.max(
      ...wrap(column.head, 1).map(size),
      ...(column.least === undefined ? [] : [column.least]),
    );
    const narrow = Math.max(
      words,
      ...(column.least === undefined ? cells.map(lengthOf) : cells.map(longestWord)),
    );
    return { ...column, cells, wide, narrow: Math.min(wide, narrow) };
  });
  const kept = [...all];
  while (least(kept) > width && kept.some(({ optional }) => optional)) {
    kept.splice(
      kept.findLastIndex(({ optional }) => optional),
      1,
    );
  }
  const left = all.filter((column) => !kept.includes(column)).map(({ head }) => head);
  const note = left.length > 0 ? [`(no room for: ${left.join(", ")}; --json has everything)`] : [];
  return [...spread(kept, width).map((part) => draw(part, width)), ...note].join("\n");
}

interface Sized extends Column {
  cells: string[];
  /** Without wrapping. */
  wide: number;
  /** As narrow as the words allow. */
  narrow: number;
}

/** Width of the lines between and around columns. */
const borders = (columns: readonly unknown[]): number => 3 * columns.length + 1;

const least = (columns: readonly Sized[]): number =>
  columns.reduce((sum, { narrow }) => sum + narrow, borders(columns));

/** The columns of each table. */
function spread(columns: readonly Sized[], width: number): Sized[][] {
  const [first, ...others] = columns;
  const parts: Sized[][] = [];
  for (const column of others) {
    const last = parts.at(-1);
    if (last && least([...last, column]) <= width) last.push(column);
    else parts.push([first, column]);
  }
  return parts.length > 0 ? parts : [[...columns]];
}

function draw(columns: readonly Sized[], width: number): string {
  const widths = columns.map(({ wide }) => wide);
  for (let over = widths.reduce((sum, w) => sum + w, borders(columns)) - width; over > 0; over--) {
    const spare = widths.map((w, i) => w - columns[i].narrow);
    if (Math.max(...spare) <= 0) break;
    // The widest of those that can still shrink.
    const at = widths.reduce((best, w, i) => (spare[i] > 0 && (best < 0 || w > widths[best]) ? i : best), -1);
    widths[at]--;
  }
  const table = new Table({
    head: columns.map(({ head }, i) => wrap(head, widths[i]).join("\n")),
    colAligns: columns.map(({ align }) => align ?? "left"),
    style: { head: [], border: [], compact: true },
  });
  for (let row = 0; row < columns[0].cells.length; row++) {
    table.push(columns.map(({ cells }, i) => wrap(cells[row], widths[i]).join("\n")));
  }
  return table.toString();
}

/** Lines of at most `width` characters, unless a word is longer. */
function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => {
    if (size(line) <= width) return [line];
    const lines = [""];
    // Words end at spaces, and after the hyphen or dot of a compound.
    for (const word of line.match(/ *[^ ]+?(?:[-.=](?=[a-z])|(?= )|$)/g) ?? []) {
      const last = lines[lines.length - 1];
      if (last === "") lines[lines.length - 1] = word.trimStart();
      else if (size(last + word) <= width) lines[lines.length - 1] += word;
      else lines.push(word.trimStart());
    }
    return lines;
  });
}

const size = (text: string): number => Array.from(text).length;
const lengthOf = (text: string): number => Math.max(...text.split("\n").map(size));
const longestWord = (text: string): number => Math.max(...wrap(text, 1).map(size));
