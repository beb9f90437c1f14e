// Progress bars: drawn in place on a terminal, a line now and then elsewhere.

import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  update(done: number, values: Record<string, string>): void;
  stop(): void;
}

/**
 * A bar with an estimate of the time left.
 * @param values names of what is shown behind it, in order
 */
export function startProgress(
  label: string,
  total: number,
  done: number,
  values: readonly string[],
): Progress {
  const empty = Object.fromEntries(values.map((name) => [name, "–"]));
  const shown = values.map((name) => ` | ${name} {${name}}`).join("");
  const bar = new SingleBar(
    {
      format: `${label.padEnd(22)} {bar} {percentage} %${shown} | {eta_formatted} left`,
      barsize: 24,
      etaBuffer: 50,
      hideCursor: true,
      fps: 5,
      noTTYOutput: true,
      notTTYSchedule: 10_000,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, done, empty);
  return {
    update: (count, shownValues) => bar.update(count, shownValues),
    stop: () => bar.stop(),
  };
}
