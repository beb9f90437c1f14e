// The metrics of a run: `metrics.jsonl`, a line for some steps or a validation of a network.

import { appendFile } from "node:fs/promises";
import type { z } from "zod";
import { ioError, type RunFolder } from "./runFolder.ts";
import { metricSchema, parseJson } from "./schemas.ts";

const FILE = "metrics.jsonl";

export type Metric = z.infer<typeof metricSchema>;

/** A network's metrics in the order of its steps; where training was set back to a checkpoint, only the later ones. */
export async function readMetrics(run: RunFolder, network: string): Promise<Metric[]> {
  const metrics: Metric[] = [];
  for (const metric of (await allMetrics(run)).metrics) {
    if (metric.network !== network) continue;
    // A validation follows the progress of its step.
    const isAfter = (last: Metric): boolean =>
      last.step < metric.step || (last.step === metric.step && last.type !== metric.type);
    while (metrics.length > 0 && !isAfter(metrics[metrics.length - 1])) metrics.pop();
    metrics.push(metric);
  }
  return metrics;
}

/** Adds a line. @throws GmrError `io`; the next line is then separate from what may have been written of this one */
export async function appendMetric(run: RunFolder, metric: Metric): Promise<void> {
  const file = run.file(FILE);
  try {
    await appendFile(file, `${cutOff.has(file) ? "\n" : ""}${JSON.stringify(metric)}\n`);
    cutOff.delete(file);
  } catch (error) {
    cutOff.add(file);
    throw ioError(`cannot write ${file}`, error);
  }
}

/** Files whose last line may have been cut off, as by a full disk. */
const cutOff = new Set<string>();

/**
 * Drops a network's metrics after a step, before training continues from there.
 * @returns the number of invalid lines, which are dropped too
 */
export async function dropMetricsAfter(run: RunFolder, network: string, step: number): Promise<number> {
  const { metrics, spoilt } = await allMetrics(run);
  const kept = metrics.filter((m) => m.network !== network || m.step <= step);
  run.write(FILE, kept.map((m) => `${JSON.stringify(m)}\n`).join(""));
  return spoilt;
}

/** All valid lines, and the number of others: metrics only describe training, so they must not stop it. */
async function allMetrics(run: RunFolder): Promise<{ metrics: Metric[]; spoilt: number }> {
  const bytes = await run.read(FILE);
  if (!bytes) return { metrics: [], spoilt: 0 };
  const lines = new TextDecoder().decode(bytes).split("\n");
  // A line that a crash cut off is the last one; its content will be written again.
  const whole = lines.slice(0, -1).filter((line) => line.trim() !== "");
  const metrics = whole.flatMap((line) => {
    try {
      return [parseJson(line, run.file(FILE), metricSchema)];
    } catch {
      return [];
    }
  });
  return { metrics, spoilt: whole.length - metrics.length };
}
