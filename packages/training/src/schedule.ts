import { checkScheduleKeys } from "./checkSettings.ts";
import type { ScheduleSettings } from "./settings.ts";

/**
 * The learning rate of a step, as a factor of the optimiser's.
 *
 * @param step from 0
 * @param steps in all
 * @param stepsPerEpoch for schedules that count in epochs
 */
export function learningRateFactor(
  schedule: ScheduleSettings,
  step: number,
  steps: number,
  stepsPerEpoch: number,
): number {
  checkScheduleKeys(schedule);
  if (schedule.name === "onecycle") {
    const { warmup = 0.3, start = 1 / 25, minimum = 1e-4 } = schedule;
    const peak = Math.max(1, Math.round(steps * warmup));
    if (step < peak) return between(start, 1, step / peak);
    return between(1, minimum, (step - peak) / Math.max(1, steps - peak));
  }
  const rise = Math.round(steps * (schedule.warmup ?? 0));
  if (step < rise) return (step + 1) / rise;
  const epoch = Math.floor(step / stepsPerEpoch);
  switch (schedule.name) {
    case "constant":
      return 1;
    case "step":
      return schedule.factor ** Math.floor(epoch / schedule.every);
    case "multistep":
      return schedule.factor ** schedule.at.filter((at) => epoch >= at).length;
    case "cosine":
      return between(1, schedule.minimum ?? 0, (step - rise) / Math.max(1, steps - rise));
  }
}

/** From `a` at 0 to `b` at 1 along half a cosine. */
const between = (a: number, b: number, share: number): number =>
  b + ((a - b) / 2) * (1 + Math.cos(Math.PI * share));
