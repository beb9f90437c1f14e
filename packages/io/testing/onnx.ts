// Runs exported models in ONNX Runtime.

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import * as tf from "@tensorflow/tfjs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect } from "vitest";
import { type ExportOnnxOptions, exportOnnx } from "../src/onnx/index.ts";

type Tensors = Readonly<Record<string, tf.Tensor>>;

/** The outputs of an ONNX file by their names. Axes are in the order of the file. */
export async function runOnnx(file: Uint8Array, inputs: Tensors): Promise<Record<string, tf.Tensor>> {
  const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
  const feeds = Object.entries(inputs).map(([name, x]) => [
    name,
    x.dtype === "int32"
      ? new Tensor("int32", x.dataSync<"int32">(), x.shape)
      : new Tensor("float32", x.dataSync<"float32">(), x.shape),
  ]);
  const outputs = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, y]) => [name, tf.tensor(y.data as Float32Array, [...y.dims])]),
  );
}

/** Sets every weight of a model to random numbers, reproducible by seed. */
export function randomizeWeights(model: tf.LayersModel, seed = 1): void {
  tf.tidy(() => {
    model.weights.forEach((weight, i) => {
      const shape = weight.shape as number[];
      weight.write(
        weight.originalName.endsWith("variance")
          ? tf.randomUniform(shape, 0.5, 1.5, "float32", seed + i)
          : tf.randomNormal(shape, 0, 0.5, "float32", seed + i),
      );
    });
  });
}

/** [N, ..., C] → [N, C, ...], as in files of layout NCHW. */
export function channelsSecond(x: tf.Tensor): tf.Tensor {
  const spatial = x.shape.slice(2).map((_, i) => i + 1);
  return x.rank < 3 ? x.clone() : x.transpose([0, x.rank - 1, ...spatial]);
}

/**
 * Expects ONNX Runtime to compute what `model.predict` does for each of the inputs: within `tolerance` relative to the
 * largest number (or 0.1). The model is exported once.
 */
export async function expectSameInOnnx(
  model: tf.LayersModel,
  inputs: readonly (tf.Tensor | tf.Tensor[])[],
  options: ExportOnnxOptions = {},
  tolerance = 1e-5,
): Promise<void> {
  const before = tf.memory().numTensors;
  const file = await exportOnnx(model, options);
  expect(tf.memory().numTensors).toBe(before);
  await expectSameOutputs(file, model, inputs, options.layout ?? "NCHW", tolerance);
}

/** As {@link expectSameInOnnx}, for an exported file. */
export async function expectSameOutputs(
  file: Uint8Array,
  model: tf.LayersModel,
  inputs: readonly (tf.Tensor | tf.Tensor[])[],
  layout: "NCHW" | "NHWC",
  tolerance = 1e-5,
): Promise<void> {
  const inFile = (x: tf.Tensor): tf.Tensor => (layout === "NCHW" ? channelsSecond(x) : x);
  for (const input of inputs) {
    const feeds = [input].flat().map((x, i) => [model.inputs[i].sourceLayer.name, inFile(x)]);
    const actual = Object.values(await runOnnx(file, Object.fromEntries(feeds)));
    const expected = [model.predict(input)].flat().map(inFile);
    expect(actual.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
    actual.forEach((y, i) => {
      const [error, size] = tf.tidy(() =>
        [y.sub(expected[i]), expected[i]].map((t) => t.abs().max().dataSync()[0]),
      );
      expect(error).toBeLessThanOrEqual(tolerance * Math.max(size, 0.1));
    });
    tf.dispose([actual, expected]);
  }
}

/** Types of a file's nodes, in order. */
export function nodeTypes(file: Uint8Array): string[] {
  const [graph] = fieldsOf(file).get(7) ?? [];
  return (fieldsOf(graph).get(1) ?? []).map((node) => textOf(fieldsOf(node).get(4)));
}

/** Names and shapes of a file's inputs or outputs. */
export function endsOf(file: Uint8Array, which: "inputs" | "outputs"): Record<string, (number | string)[]> {
  const [graph] = fieldsOf(file).get(7) ?? [];
  const infos = fieldsOf(graph).get(which === "inputs" ? 11 : 12) ?? [];
  return Object.fromEntries(
    infos.map((info) => {
      const [type] = fieldsOf(info).get(2) ?? [];
      const [tensor] = fieldsOf(type).get(1) ?? [];
      const [shape] = fieldsOf(tensor).get(2) ?? [];
      const sizes = (fieldsOf(shape).get(1) ?? []).map((bytes) => {
        const size = fieldsOf(bytes);
        return size.has(2) ? textOf(size.get(2)) : new BinaryReader(bytes.subarray(1)).uint32();
      });
      return [textOf(fieldsOf(info).get(1)), sizes];
    }),
  );
}

/** The strings stored with a model. */
export function metadataOf(file: Uint8Array): Record<string, string> {
  const entries = (fieldsOf(file).get(14) ?? []).map(fieldsOf);
  return Object.fromEntries(entries.map((entry) => [textOf(entry.get(1)), textOf(entry.get(2))]));
}

/** The length-delimited fields of a protobuf message. */
export function fieldsOf(message: Uint8Array): Map<number, Uint8Array[]> {
  const reader = new BinaryReader(message);
  const fields = new Map<number, Uint8Array[]>();
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) fields.set(field, [...(fields.get(field) ?? []), reader.bytes()]);
    else reader.skip(type, field);
  }
  return fields;
}

export function textOf(field: readonly Uint8Array[] | undefined): string {
  return new TextDecoder().decode(field?.[0]);
}

/** Names of the tensors made from a layer's weights. */
export function weightNames(file: Uint8Array): string[] {
  const [graph] = fieldsOf(file).get(7) ?? [];
  const names = (fieldsOf(graph).get(5) ?? []).map((tensor) => textOf(fieldsOf(tensor).get(8)));
  return names.filter((name) => name.includes("/"));
}
