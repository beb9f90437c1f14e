// Data sets of image files, read on demand.

import path from "node:path";
import { GmrError, reasonOf } from "@gmr-conv/core";
import type { DamagedFile } from "../card.ts";
import { type Dataset, type Examples, joined } from "../dataset.ts";
import { type DecodeOptions, decodeImage } from "./decode.ts";
import { imageInfo } from "./imageInfo.ts";

/** A file and its class. */
export interface LabelledFile {
  file: string;
  label: number;
  /** The group it belongs to. */
  group?: string | undefined;
}

/** How images are read, as in a configuration. */
interface ImageOptions extends Omit<DecodeOptions, "size" | "channels"> {
  /** Side of the images, or [height, width]; default: the size of the first one. */
  size?: number | readonly [number, number] | undefined;
  /** Default: those of the first image. */
  channels?: 1 | 3 | undefined;
}

/** Options with size and channels, by default those of the first image. */
export async function completeOptions(
  options: ImageOptions,
  first: string,
): Promise<DecodeOptions & { size: [number, number]; channels: 1 | 3 }> {
  const { size, channels, resize, background, range } = options;
  const given = typeof size === "number" ? ([size, size] as const) : size;
  const info = given && channels ? undefined : await imageInfo(first);
  const { height = 0, width = 0 } = info ?? {};
  return {
    resize,
    background,
    range,
    size: given ? [given[0], given[1]] : [height, width],
    channels: channels ?? info?.channels ?? 3,
  };
}

/** Image files with one class each. */
export function imageFileDataset(
  name: string,
  files: readonly LabelledFile[],
  classNames: readonly string[],
  options: DecodeOptions & { size: readonly [number, number]; channels: 1 | 3 },
): Dataset {
  const { size, channels } = options;
  const groups = groupsOf(files);
  return {
    name,
    task: "classification",
    shape: [size[0], size[1], channels],
    count: files.length,
    classNames,
    labels: Int32Array.from(files, ({ label }) => label),
    ...(groups && { groups }),
    source: (index) => files[index].file,
    async read(indices) {
      const wanted = Array.from(indices, (index) => files[index]);
      return joined(
        await Promise.all(
          wanted.map(async ({ file, label }): Promise<Examples> => {
            const { data } = await decodeImage(file, options);
            return { images: data, labels: Int32Array.of(label) };
          }),
        ),
      );
    },
  };
}

function groupsOf(files: readonly LabelledFile[]): Int32Array | undefined {
  if (files.every(({ group }) => group === undefined)) return undefined;
  const numbers = new Map<string, number>();
  return Int32Array.from(files, ({ group, file }) => {
    const key = group ?? file;
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
}

/**
 * The group of a file: the part of its name that a pattern captures.
 * @throws GmrError `invalid-argument` for an invalid pattern, or a name that does not match
 */
export function groupBy(pattern: string | undefined): (file: string) => string | undefined {
  if (pattern === undefined) return () => undefined;
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, "u");
  } catch (error) {
    throw new GmrError("invalid-argument", `groupPattern ${JSON.stringify(pattern)}: ${reasonOf(error)}`);
  }
  return (file) => {
    const found = expression.exec(path.basename(file));
    if (found) return found[1] ?? found[0];
    throw new GmrError(
      "invalid-argument",
      `groupPattern ${JSON.stringify(pattern)} does not match ${path.basename(file)}: ` +
        "every image must belong to a group",
    );
  };
}

/** Files except those on a list of paths relative to a folder. */
export function without<T extends { file: string }>(
  files: T[],
  root: string,
  exclude: readonly string[] = [],
): T[] {
  const left = new Set(exclude.map((name) => path.resolve(root, name)));
  return left.size === 0 ? files : files.filter(({ file }) => !left.has(path.resolve(file)));
}

/**
 * Reads every image once and leaves out those that cannot be read.
 * @returns the readable ones, and the others with the reason
 */
export async function withoutDamaged<T extends { file: string }>(
  files: readonly T[],
  check: (file: T) => Promise<unknown>,
): Promise<{ good: T[]; damaged: DamagedFile[] }> {
  const problems = new Map<T, string>();
  const waiting = [...files];
  const lane = async (): Promise<void> => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      try {
        await check(next);
      } catch (error) {
        problems.set(next, reasonOf(error));
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  const damaged = files.flatMap((file) => {
    const reason = problems.get(file);
    return reason === undefined ? [] : [{ file: file.file, reason }];
  });
  return { good: files.filter((file) => !problems.has(file)), damaged };
}
