// Keeps reading the image as it lies, as fast as the engine answers, and records what it said.

import { computed, signal } from "@preact/signals";
import { engine } from "../../engine/client.ts";
import type { Reading } from "../../engine/types.ts";
import { askLatest } from "../../latest.ts";
import { mirrorKey } from "../../pose.ts";
import { pose, type Subject, subject } from "../../subject.ts";
import { anglesBetween, type TurnRecord } from "./record.ts";

/** The last answer. */
export const reading = signal<Reading | undefined>(undefined);

/** Why there is no answer. */
export const readingProblem = signal<string | undefined>(undefined);

/** By how the image is mirrored. */
const records = signal<ReadonlyMap<string, TurnRecord>>(new Map());
const UPRIGHT = mirrorKey({ mirrorX: false, mirrorY: false });
const EMPTY: TurnRecord = new Map();

/** What was said at each angle, for the image as it is mirrored now. */
export const record = computed<TurnRecord>(() => records.value.get(mirrorKey(pose.value)) ?? EMPTY);

/** What was said about the image as it came. */
export const upright = computed(() => records.value.get(UPRIGHT)?.get(0));

/** Reads until the returned function is called. */
export function startReading(): () => void {
  let last: { image: Subject; degrees: number; key: string } | undefined;
  return askLatest(
    () => subject.value && { image: subject.value, wanted: pose.value },
    async ({ image, wanted }) => {
      const key = mirrorKey(wanted);
      const isNew = last?.image !== image;
      if (isNew) records.value = new Map();
      const from = last && !isNew && last.key === key ? last.degrees : wanted.degrees;
      last = { image, degrees: wanted.degrees, key };
      const known = records.peek().get(key) ?? EMPTY;
      const passed = anglesBetween(from, wanted.degrees)
        .filter((degrees) => !known.has(degrees))
        .map((degrees) => ({ ...wanted, degrees }));
      const first = isNew ? [{ degrees: 0, mirrorX: false, mirrorY: false }] : [];
      const answers = await (await engine()).read(image.pixels, [...first, ...passed, wanted]);
      return { image, key, first: answers.slice(0, first.length), answers: answers.slice(first.length) };
    },
    ({ image, key, first, answers }) => {
      readingProblem.value = undefined;
      if (subject.peek() !== image) return;
      keep(UPRIGHT, first);
      keep(key, answers.slice(0, -1));
      reading.value = answers[answers.length - 1];
    },
    (error) => {
      readingProblem.value = error instanceof Error ? error.message : String(error);
    },
  );
}

function keep(key: string, answers: readonly Reading[]): void {
  if (answers.length === 0) return;
  const kept = new Map(records.peek().get(key));
  for (const { degrees, probabilities } of answers) kept.set(degrees, probabilities);
  records.value = new Map(records.peek()).set(key, kept);
}
