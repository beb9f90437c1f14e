// Golden cases computed by the official Python package, converted to this project's channels-last layouts.

import { readFileSync } from "node:fs";

const FOLDER = new URL("../fixtures/official/", import.meta.url);

export interface OfficialCase {
  name: string;
  /** Named as in `@gmr-conv/core`. */
  options: {
    kernelSize: number[];
    strides: number[];
    pad: number[] | "same";
    padMode: "zeros" | "reflect" | "replicate" | "circular";
    dilations: number[];
    groups: number;
    numRings: number;
    circular: boolean;
    transposed: boolean;
    outputPadding: number[] | undefined;
  };
  inChannels: number;
  outChannels: number;
  /** Tensors by name (see the fixtures' README), channels-last. */
  tensors: Map<string, NamedArray>;
}

export interface NamedArray {
  shape: number[];
  data: Float64Array;
}

/** An entry of `cases.json`. */
interface CaseEntry {
  name: string;
  kind: "conv" | "conv_transpose";
  in_channels: number;
  out_channels: number;
  kernel_size: number[];
  stride: number[];
  padding: number[] | "same";
  output_padding?: number[];
  dilation: number[];
  groups: number;
  padding_mode: "zeros" | "reflect" | "replicate" | "circular";
  num_rings: number;
  force_circular: boolean;
}

export function officialCases(): OfficialCase[] {
  const list: { cases: CaseEntry[] } = JSON.parse(readFileSync(new URL("cases.json", FOLDER), "utf8"));
  const layers = list.cases.filter(({ kind }) => kind === "conv" || kind === "conv_transpose");
  return layers.map((entry) => ({
    name: entry.name,
    inChannels: entry.in_channels,
    outChannels: entry.out_channels,
    options: {
      kernelSize: entry.kernel_size,
      strides: entry.stride,
      pad: entry.padding,
      padMode: entry.padding_mode,
      dilations: entry.dilation,
      groups: entry.groups,
      numRings: entry.num_rings,
      circular: entry.force_circular,
      transposed: entry.kind === "conv_transpose",
      outputPadding: entry.output_padding,
    },
    tensors: readTensors(`${entry.name}.safetensors`),
  }));
}

/** A tensor of a case, or an error that names it. */
export function tensor(testCase: OfficialCase, name: string): NamedArray {
  const found = testCase.tensors.get(name);
  if (!found) throw new Error(`case ${testCase.name} has no tensor ${name}`);
  return found;
}

/** Format: header length in 8 bytes, JSON header, data (https://huggingface.co/docs/safetensors). */
function readTensors(file: string): Map<string, NamedArray> {
  const bytes = readFileSync(new URL(file, FOLDER));
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(bytes.subarray(8, 8 + headerLength).toString("utf8"));
  const tensors = new Map<string, NamedArray>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F32") throw new Error(`${file}: ${name} is ${dtype}, expected F32`);
    const [start, end] = data_offsets;
    const data = Float64Array.from({ length: (end - start) / 4 }, (_, i) =>
      bytes.readFloatLE(8 + headerLength + start + 4 * i),
    );
    tensors.set(name, channelsLast(name, { shape, data }));
  }
  return tensors;
}

function channelsLast(name: string, array: NamedArray): NamedArray {
  const axes = array.shape.map((_, axis) => axis);
  switch (name.replace("grad_", "")) {
    case "x":
    case "y": // [N, C, ...spatial] -> [N, ...spatial, C]
      return transpose(array, [0, ...axes.slice(2), 1]);
    case "weight": // [Cout, Cin/groups, R] -> [R, Cin/groups, Cout]
    case "kernel": // [Cout, Cin/groups, ...k] -> [...k, Cin/groups, Cout]
      return transpose(array, [...axes.slice(2), 1, 0]);
    default:
      return array;
  }
}

function transpose({ shape, data }: NamedArray, order: number[]): NamedArray {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const newShape = order.map((axis) => shape[axis]);
  const moved = data.map((_, index) => {
    let rest = index;
    let source = 0;
    for (let axis = newShape.length - 1; axis >= 0; axis--) {
      source += (rest % newShape[axis]) * strides[order[axis]];
      rest = Math.floor(rest / newShape[axis]);
    }
    return data[source];
  });
  return { shape: newShape, data: moved };
}
