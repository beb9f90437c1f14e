// The images of class folders.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { filesBelow, listFolder } from "./files.ts";
import type { LabelledFile } from "./imageFiles.ts";
import { isImageFile } from "./imageInfo.ts";

/**
 * The images of a folder with a folder for each class.
 * @throws GmrError `io`; `invalid-data` for fewer than two classes, or a class folder without images
 */
export async function classFiles(
  root: string,
  groupOf: (file: string) => string | undefined = () => undefined,
): Promise<{ files: LabelledFile[]; classNames: string[] }> {
  const { folders, files } = await listFolder(root);
  if (folders.length < 2) {
    const images = files.filter(isImageFile).length;
    const found =
      folders.length === 1
        ? `one class folder, ${folders[0]}`
        : images > 0
          ? `${images} images and no class folders`
          : "no class folders";
    throw new GmrError(
      "invalid-data",
      `${root} has ${found}, expected a folder of images for each of at least two classes`,
    );
  }
  const perClass = await Promise.all(folders.map((name) => filesBelow(path.join(root, name), isImageFile)));
  const empty = folders.filter((_, label) => perClass[label].length === 0);
  if (empty.length > 0) {
    throw new GmrError(
      "invalid-data",
      `${path.join(root, empty[0])} has no images (PNG, JPEG, TIFF or WebP)`,
    );
  }
  return {
    classNames: folders.map((name) => name.normalize("NFC")),
    files: perClass.flatMap((list, label) => list.map((file) => ({ file, label, group: groupOf(file) }))),
  };
}
