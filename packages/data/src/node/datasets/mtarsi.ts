// MTARSI: types of aircraft, a folder for each.

import { GmrError } from "@gmr-conv/core";
import { z } from "zod";
import type { DatasetCard } from "../../card.ts";
import { classFiles } from "../classFiles.ts";
import { defineDataset, folder, parts, splitSeed, testShare, validationShare } from "../entry.ts";
import { completeOptions, imageFileDataset } from "../imageFiles.ts";

const AIRCRAFT = [
  ..."A-10 A-26 B-1 B-2 B-29 B-52 Boeing C-130 C-135 C-17 C-21 C-5 E-3 F-16 F-22 KC-10 P-63 T-43 T-6 U-2".split(
    " ",
  ),
];

const card: DatasetCard = {
  name: "mtarsi",
  title: "MTARSI, types of aircraft",
  description: "Aircraft of twenty types in remote sensing images, scaled to 64×64 pixels, RGB.",
  task: "classification",
  source:
    "Z.-Z. Wu et al., Remote Sensing Letters 11 (2020) 121; https://www.kaggle.com/datasets/aqibriaz/mtarsidataset",
  licence: "CC BY 4.0",
  layout: ["TYPE/*.jpg, a folder for each of the twenty types"],
  input: "0 for black to 1 for white, RGB",
  normalization: { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
};

export const mtarsiDataset = defineDataset({
  card,
  options: z.strictObject({
    folder,
    size: z.int().min(1).default(64).describe("side of the images in pixels"),
    validation: validationShare,
    test: testShare,
    seed: splitSeed,
  }),
  async load(given) {
    const { files, classNames } = await classFiles(given.folder);
    if (classNames.length !== AIRCRAFT.length) {
      throw new GmrError(
        "invalid-data",
        `${given.folder} has ${classNames.length} classes, expected the twenty types ${AIRCRAFT.join(", ")}`,
      );
    }
    const settings = await completeOptions(
      { size: given.size, channels: 3, resize: "stretch" },
      files[0].file,
    );
    const all = imageFileDataset("MTARSI", files, classNames, settings);
    return { card: { ...card, classNames }, damaged: [], ...parts({ train: all }, given) };
  },
});
