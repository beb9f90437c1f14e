import { GmrError } from "@gmr-conv/core";
import { parse } from "yaml";
import type { TrainFlags } from "../commands/trainOptions.ts";
import { readPreset } from "../config/read.ts";
import { fitTable } from "../fitTable.ts";
import { train } from "../pipeline.ts";
import { inRun } from "../runs/openRun.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { commandLine, withoutOptions } from "./commandLine.ts";
import { configFrom } from "./trainConfig.ts";

interface SweepOptions extends TrainFlags {
  name: string;
  runs: string;
  grid: string[];
  seeds?: string;
  json: boolean;
}

/** The settings of a trial and its scores. */
interface Trial {
  name: string;
  set: string[];
  scores: { network: string; score: number }[];
}

export async function sweep(file: string | undefined, options: SweepOptions): Promise<void> {
  const combinations = combinationsOf(options.grid, options.seeds);
  const base = options.dataset ? {} : readPreset("mnist");
  const trials: Trial[] = [];
  for (const [i, set] of combinations.entries()) {
    const name = `${options.name}-${i + 1}`;
    const folder = RunFolder.named(options.runs, name);
    console.error(`\n${name} of ${combinations.length}: ${set.join(", ") || "unchanged"}`);
    const flags = { ...options, set: [...options.set, ...set] };
    await inRun(
      folder,
      () => configFrom(flags, file, structuredClone(base)),
      "continue",
      async ({ config }) => {
        folder.write("command.txt", `${trialCommand(name, set)}\n`);
        const outcomes = await train({ folder, config });
        const scores = outcomes.flatMap(({ validation }, k) =>
          validation === undefined ? [] : [{ network: config.networks[k].name, score: validation }],
        );
        trials.push({ name, set, scores });
      },
    );
  }
  print(trials, options.json);
}

/** The command that trains one trial for itself. */
function trialCommand(name: string, set: readonly string[]): string {
  const [, ...args] = process.argv.slice(2);
  const kept = withoutOptions(args, ["--grid", "--seeds", "--name"], ["--json"]);
  return commandLine(["train", ...kept, "--name", name, ...set.flatMap((setting) => ["--set", setting])]);
}

/** Every combination of the values of a grid, as settings. @throws GmrError `invalid-argument` */
function combinationsOf(grid: readonly string[], seeds: string | undefined): string[][] {
  const axes = grid.map((text) => {
    const at = text.indexOf("=");
    const values: unknown = at > 0 ? parse(text.slice(at + 1)) : undefined;
    if (!Array.isArray(values) || values.length === 0) {
      throw new GmrError(
        "invalid-argument",
        `--grid ${text}: expected KEY=[VALUE,…], such as train.epochs=[5,10]`,
      );
    }
    return values.map((value) => `${text.slice(0, at)}=${JSON.stringify(value)}`);
  });
  if (seeds !== undefined) {
    const list = seeds.split(",").map(Number);
    if (!list.every(Number.isSafeInteger)) {
      throw new GmrError("invalid-argument", `--seeds ${seeds}: expected integers, such as 1,2,3`);
    }
    axes.push(list.map((seed) => `train.seed=${seed}`));
  }
  return axes.reduce<string[][]>(
    (all, axis) => all.flatMap((head) => axis.map((set) => [...head, set])),
    [[]],
  );
}

function print(trials: Trial[], json: boolean): void {
  const best = (trial: Trial): number => trial.scores[0]?.score ?? 0;
  const ranked = [...trials].sort((a, b) => best(b) - best(a));
  if (json) {
    for (const trial of ranked) console.log(JSON.stringify(trial));
    return;
  }
  const networks = ranked[0]?.scores.map(({ network }) => network) ?? [];
  const columns = [
    { head: "run" },
    ...networks.map((head) => ({ head, align: "right" as const })),
    { head: "settings", least: 24 },
  ];
  const rows = ranked.map(({ name, scores, set }) => [
    name,
    ...networks.map((network) => {
      const own = scores.find((entry) => entry.network === network);
      return own ? `${(100 * own.score).toFixed(1)} %` : "–";
    }),
    set.join("\n"),
  ]);
  console.log(`${fitTable(columns, rows)}\nScores are on the validation images.`);
}
