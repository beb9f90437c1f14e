// The report as text for an 80-column terminal.

import { AXIS_NAMES } from "@gmr-conv/core/equivariance";
import type { Asymmetry } from "./asymmetries.ts";
import type { AngleCurve, EquivarianceReport, ExactSymmetries } from "./report.ts";

/** How many symmetries are listed; beyond that, the worst ones, and the first of those left out. */
const LISTED = 8;

/** Widest bar of the angle table, and the smallest error drawn that wide. */
const BAR = 40;
const FULL_BAR = 0.01;

/** Errors below this power of ten are rounding, and not told apart. */
const ROUNDING = -6;

/**
 * A report in words and tables, at most 80 columns wide. Errors are shares of the largest output: percentages from 0.1
 * % up, below that the next power of ten, 1e-6 at least. The angle table has the error of each turn and, under "and
 * back", that of the turn followed by its inverse, which is due to interpolation alone.
 *
 * @returns lines, without a final line break
 */
export function formatEquivariance(report: EquivarianceReport): string {
  return [
    `${report.kind} of [${report.inputShape.join(", ")}] → [${report.outputShape.join(", ")}]`,
    "",
    ...exactLines(report.exact),
    ...(report.angles ? ["", ...angleLines(report.angles)] : []),
  ].join("\n");
}

function exactLines({ elements, skipped, worst, ok, tolerance, asymmetries }: ExactSymmetries): string[] {
  const most = elements.length > LISTED;
  const listed = most ? elements.toSorted((a, b) => b.error - a.error).slice(0, LISTED) : elements;
  const rows = Math.ceil(listed.length / 2);
  const width = Math.max(...listed.map(({ element }) => element.length));
  const cells = listed.map(
    ({ element, error }) => `  ${element.padEnd(width)} ${formatError(error).padStart(8)}`,
  );
  return [
    `exact symmetries: ${ok ? "kept" : "BROKEN"}, worst ${formatError(worst)} (tolerance ${tolerance.toExponential()})`,
    ...Array.from({ length: rows }, (_, row) => `${cells[row]}  ${cells[row + rows] ?? ""}`.trimEnd()),
    ...(most ? [`  the worst ${LISTED} of ${elements.length}`] : []),
    ...skippedLines(skipped),
    ...asymmetries.slice(0, LISTED).flatMap(asymmetryLines),
  ];
}

function asymmetryLines({ layer, inputSize, better }: Asymmetry): string[] {
  const sizes = better.map(({ axis, sizes }) => {
    const place = AXIS_NAMES[inputSize.length as 1 | 2 | 3][axis];
    return sizes.length > 0 ? `; ${place} of ${sizes.join(" or ")} would be symmetric` : `, for any ${place}`;
  });
  const text = `${layer}: its windows are asymmetric on ${inputSize.join("×")}${sizes.join("")}`;
  return wrap(text.split(" "), "  ", " ");
}

/** One line per reason. */
function skippedLines(skipped: ExactSymmetries["skipped"]): string[] {
  const reasons = new Set(skipped.map(({ reason }) => reason));
  return [...reasons].flatMap((reason) => {
    const names = skipped.filter((other) => other.reason === reason).map(({ element }) => element);
    const more = names.splice(LISTED).length;
    if (more > 0) names.push(`and ${more} more`);
    return [`  left out, as ${reason}:`, ...wrap(names, "    ", "; ")];
  });
}

function angleLines({ curve, mean, worst, worstAngle }: AngleCurve): string[] {
  const scale = BAR / Math.max(worst, FULL_BAR);
  return [
    `turns by any angle: mean ${formatError(mean)}, worst ${formatError(worst)} at ${worstAngle}°`,
    "   angle    error  and back",
    ...curve.map(({ angle, plane, error, interpolation }) =>
      [
        (plane ?? "").padStart(3),
        `${angle}°`.padStart(5),
        formatError(error).padStart(9),
        formatError(interpolation).padStart(9),
        ` ${"█".repeat(Math.round(error * scale))}`,
      ]
        .join("")
        .trimEnd(),
    ),
  ];
}

function formatError(error: number): string {
  if (error === 0) return "0";
  if (error < 1e-3) return `< 1e${Math.max(ROUNDING, Math.floor(Math.log10(error)) + 1)}`;
  return `${(100 * error).toFixed(1)} %`;
}

/** Joins words with separators into lines of at most 80 columns. */
function wrap(words: readonly string[], indent: string, separator: string): string[] {
  const lines = [indent];
  words.forEach((word, i) => {
    const text = i < words.length - 1 ? word + separator : word;
    if ((lines[lines.length - 1] + text).trimEnd().length > 80) lines.push(indent);
    lines[lines.length - 1] += text;
  });
  return lines.map((line) => line.trimEnd());
}
