// The files to predict, and where their masks go.

import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import { isImageFile, isNifti } from "@gmr-conv/data/node";
import { isMesh } from "./volumes.ts";

/** A file, and its name within its folder. */
export interface Input {
  file: string;
  name: string;
  /** Whether the file itself was named, not its folder. */
  named: boolean;
}

/** The files of some paths, those of folders included. @throws GmrError `io` */
export async function listInputs(paths: readonly string[]): Promise<Input[]> {
  return (await Promise.all(paths.map(filesIn))).flat();
}

async function filesIn(input: string): Promise<Input[]> {
  try {
    if (!(await stat(input)).isDirectory()) return [{ file: input, name: path.basename(input), named: true }];
    const names = await readdir(input, { recursive: true });
    return names.sort().map((name) => ({ file: path.join(input, name), name, named: false }));
  } catch (error) {
    throw new GmrError(
      "io",
      `${input}: ${codeOf(error) === "ENOENT" ? "no such file or folder" : reasonOf(error)}`,
    );
  }
}

/** Those that a network can read: named files, and images or volumes of folders. */
export function readable(inputs: readonly Input[], volumes: boolean): Input[] {
  const wanted = volumes ? isVolumeFile : isImageFile;
  return inputs.filter(({ file, named }) => named || wanted(file));
}

const isVolumeFile = (file: string): boolean => isNifti(file) || isMesh(file) || isImageFile(file);

/**
 * Where the mask of each file goes: at the same place in the folder of masks.
 * @throws GmrError `invalid-argument` if two files would share a mask
 */
export function maskFiles(
  inputs: readonly Input[],
  volumes: boolean,
  { masks, maskFormat }: { masks: string; maskFormat: "png" | "tiff" },
): string[] {
  const seen = new Map<string, string>();
  return inputs.map(({ file, name }) => {
    const [, stem, nifti] = /^(.*?)(\.nii(?:\.gz)?|\.[^./\\]*)?$/i.exec(name) as RegExpExecArray;
    const ending = isNifti(file) ? nifti : volumes ? ".tiff" : `.${maskFormat}`;
    const mask = path.join(masks, `${stem}${ending}`);
    const other = seen.get(mask);
    if (other !== undefined) {
      throw new GmrError("invalid-argument", `the masks of ${other} and ${file} would both be ${mask}`);
    }
    seen.set(mask, file);
    return mask;
  });
}
