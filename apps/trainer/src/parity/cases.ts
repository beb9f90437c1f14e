// Golden cases: `cases.json` and a `NAME.safetensors` for each case, in PyTorch's layout (channels first).

import { readFile } from "node:fs/promises";
import path from "node:path";
import { GmrError, type PadMode, type Rank, reasonOf } from "@gmr-conv/core";
import { readSafetensors, type StoredTensor } from "@gmr-conv/io";
import { isRecord } from "../isRecord.ts";

export interface ConvCase {
  name: string;
  kind: "conv" | "conv_transpose";
  rank: Rank;
  kernelSize: number[];
  stride: number[];
  padding: number[] | "same" | "valid";
  /** For transposed convolutions. */
  outputPadding: number[] | undefined;
  dilation: number[];
  groups: number;
  padMode: PadMode;
  circular: boolean;
}

/** A whole network. */
export interface NetworkCase {
  name: string;
  kind: "network";
  /** Architecture and options, named as in the official package. */
  config: Record<string, unknown>;
  classes: number;
  /** Largest relative error of PyTorch's own gradients in float32. */
  gradientError: number;
}

/** Reads the list of cases of a folder. @throws GmrError `io` or `invalid-data` */
export async function readCases(folder: string): Promise<(ConvCase | NetworkCase)[]> {
  const file = path.join(folder, "cases.json");
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    const reason = reasonOf(error);
    const expected = "expected a folder with cases.json, such as tooling/fixtures/official of the repository";
    throw new GmrError("io", `cannot read ${file}: ${reason}; ${expected}`, { cause: error });
  }
  if (!isRecord(parsed) || !Array.isArray(parsed.cases)) {
    throw new GmrError("invalid-data", `${file}: expected an object with a list "cases"`);
  }
  return parsed.cases.map((entry: unknown, i) => {
    if (!isRecord(entry) || typeof entry.name !== "string" || typeof entry.kind !== "string") {
      throw new GmrError("invalid-data", `${file}: case ${i} must have a name and a kind`);
    }
    if (entry.kind === "network") return networkCase(entry.name, entry);
    if (entry.kind !== "conv" && entry.kind !== "conv_transpose") {
      throw new GmrError("invalid-data", `${file}: case ${entry.name} has the unknown kind ${entry.kind}`);
    }
    return {
      name: entry.name,
      kind: entry.kind,
      rank: entry.rank as Rank,
      kernelSize: entry.kernel_size as number[],
      stride: entry.stride as number[],
      padding: entry.padding as ConvCase["padding"],
      outputPadding: entry.output_padding as number[] | undefined,
      dilation: entry.dilation as number[],
      groups: entry.groups as number,
      padMode: entry.padding_mode as PadMode,
      circular: entry.force_circular as boolean,
    };
  });
}

function networkCase(name: string, entry: Record<string, unknown>): NetworkCase {
  const { config, float32_error: error } = entry;
  if (!isRecord(config)) throw new GmrError("invalid-data", `network ${name} must have a config`);
  return {
    name,
    kind: "network",
    config,
    classes: Number(config.num_classes ?? config.out_channels),
    gradientError: isRecord(error) ? Number(error.grads_max ?? 0) : 0,
  };
}

/** The tensors of a case. @throws GmrError `io` or `invalid-data` */
export async function readCase(folder: string, name: string): Promise<Map<string, StoredTensor>> {
  const file = path.join(folder, `${name}.safetensors`);
  try {
    return readSafetensors(await readFile(file), file).tensors;
  } catch (error) {
    if (error instanceof GmrError) throw error;
    const reason = reasonOf(error);
    throw new GmrError("io", `cannot read ${file}: ${reason}`, { cause: error });
  }
}
