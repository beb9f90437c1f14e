// Splitting a data set into parts, by shares of each class.

import { checkKeys, describeValue, GmrError, type KeysOf, Random } from "@gmr-conv/core";
import { type Dataset, pick } from "./dataset.ts";
import { deriveSeed } from "./seed.ts";

export interface SplitOptions {
  /** Any integer ≥ 0; decides which example goes where. Default 0. */
  seed?: number | undefined;
  /** Keep the proportions of the classes, as far as groups allow. Default true for classification. */
  stratified?: boolean | undefined;
}

const KEYS: KeysOf<SplitOptions> = { seed: true, stratified: true };

/**
 * Splits a data set by shares such as `{ train: 0.8, validation: 0.1, test: 0.1 }`, which add up to at most 1. Groups
 * stay together.
 *
 * @throws GmrError `invalid-argument` unless shares are positive and add up to at most 1, or if there are fewer
 *   examples or groups than parts
 */
export function splitDataset<Name extends string>(
  dataset: Dataset,
  shares: Readonly<Record<Name, number>>,
  options: SplitOptions = {},
): Record<Name, Dataset> {
  const { seed = 0, stratified = true } = checkKeys("the options of splitDataset", options, KEYS);
  const names = Object.keys(shares) as Name[];
  const wanted = names.map((name) => shares[name]);
  const total = wanted.reduce((a, b) => a + b, 0);
  if (names.length === 0 || !wanted.every((share) => share > 0) || total > 1 + 1e-9) {
    throw new GmrError(
      "invalid-argument",
      `shares must be positive and add up to at most 1, got ${describeValue(wanted)}`,
    );
  }
  const parts = wanted.map((): number[][] => []);
  // Unused examples are a part as well. Rounding errors of one class are made up for by the next.
  const rest = Math.max(0, 1 - total);
  const lacks = [...wanted, rest].map(() => 0);
  for (const { key, units } of strata(dataset, stratified)) {
    const size = units.reduce((sum, unit) => sum + unit.length, 0);
    [...wanted, rest].forEach((share, part) => {
      lacks[part] += share * size;
    });
    for (const unit of new Random(deriveSeed(seed, key)).shuffle([...units])) {
      const part = lacks.indexOf(Math.max(...lacks));
      parts[part]?.push(unit);
      lacks[part] -= unit.length;
    }
  }
  // No part is empty, however small the set.
  for (const part of parts) {
    if (part.length > 0) continue;
    const largest = parts.reduce((a, b) => (b.length > a.length ? b : a));
    if (largest.length < 2) {
      throw new GmrError(
        "invalid-argument",
        `${dataset.name} has too few images or groups to split into ${names.join(", ")}: ${dataset.count} images`,
      );
    }
    part.push(...largest.splice(-1));
  }
  return Object.fromEntries(
    names.map((name, i) => {
      const chosen = pick(
        dataset,
        parts[i].flat().sort((a, b) => a - b),
      );
      const called = dataset.name.endsWith(` ${name}`)
        ? dataset.name
        : `${dataset.name.replace(/ (train|images)$/, "")} ${name}`;
      return [name, { ...chosen, name: called }];
    }),
  ) as Record<Name, Dataset>;
}

/** The units that are never split, by class: groups, or single examples. */
function strata(dataset: Dataset, stratified: boolean): { key: number; units: number[][] }[] {
  const { count, labels, groups } = dataset;
  const units = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    const group = groups ? groups[i] : i;
    const unit = units.get(group);
    if (unit) unit.push(i);
    else units.set(group, [i]);
  }
  if (!stratified || !labels) return [{ key: -1, units: [...units.values()] }];
  const byClass = new Map<number, number[][]>();
  for (const unit of units.values()) {
    const label = mostFrequent(unit.map((i) => labels[i]));
    const own = byClass.get(label);
    if (own) own.push(unit);
    else byClass.set(label, [unit]);
  }
  return [...byClass].sort(([a], [b]) => a - b).map(([key, own]) => ({ key, units: own }));
}

function mostFrequent(values: number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0][0];
}
