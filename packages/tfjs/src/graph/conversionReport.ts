import type { Obstacle } from "./obstacles.ts";

/** What happened to one convolution in a conversion. */
export interface ConversionEntry {
  /** Of the layer, before and after. */
  readonly name: string;
  /** Of the original layer, such as `Conv2D`. */
  readonly className: string;
  readonly kernelBefore: readonly number[];
  readonly kernelAfter: readonly number[];
  /** Of the original layer. */
  readonly strides: readonly number[];
  readonly action:
    | "replaced"
    | "replaced with average pooling"
    | "replaced with upsampling"
    | "strides replaced with average pooling"
    | "left";
  /** Why it was left unchanged. */
  readonly reason?: string | undefined;
  readonly parametersBefore: number;
  readonly parametersAfter: number;
}

/**
 * A conversion report as a table for a monospaced font: one line per convolution, one with the totals, and one for each
 * layer that keeps the model from being invariant.
 */
export function formatConversion(
  report: readonly ConversionEntry[],
  obstacles: readonly Obstacle[] = [],
): string {
  const sum = (key: "parametersBefore" | "parametersAfter") =>
    report.reduce((total, entry) => total + entry[key], 0);
  const rows = [
    ["layer", "class", "kernel", "strides", "parameters", "action"],
    ...report.map((entry) => [
      entry.name,
      entry.className,
      change(entry.kernelBefore.join("×"), entry.kernelAfter.join("×")),
      entry.strides.join("×"),
      change(count(entry.parametersBefore), count(entry.parametersAfter)),
      entry.reason === undefined ? entry.action : `${entry.action}: ${entry.reason}`,
    ]),
    ["total", "", "", "", change(count(sum("parametersBefore")), count(sum("parametersAfter"))), ""],
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd(),
  );
  const warnings = obstacles.map(
    ({ layer, className, reason }) => `not invariant because of ${layer} (${className}): ${reason}`,
  );
  return [...lines, ...warnings].join("\n");
}

function change(before: string, after: string): string {
  return before === after ? before : `${before} → ${after}`;
}

function count(n: number): string {
  return n.toLocaleString("en-US");
}
