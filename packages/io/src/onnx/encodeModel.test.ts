import { expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { fieldsOf, textOf } from "../../testing/onnx.ts";
import { encodeModel, type OnnxModel } from "./encodeModel.ts";

const EMPTY: OnnxModel = {
  producer: { name: "producer", version: "1.2.3" },
  opset: 17,
  name: "graph",
  inputs: [],
  outputs: [],
  nodes: [],
  tensors: [],
  metadata: {},
};

it("writes the numbers of tensors unchanged, also from views", () => {
  const numbers = Float32Array.of(9, 1, -2, 3.5, 9);
  const tensors = [{ name: "w", type: "float32", shape: [3], data: numbers.subarray(1, 4) }] as const;
  const model = fieldsOf(encodeModel({ ...EMPTY, tensors }));
  expect([textOf(model.get(2)), textOf(model.get(3))]).toEqual(["producer", "1.2.3"]);
  const [graph] = model.get(7) ?? [];
  const [tensor] = fieldsOf(graph).get(5) ?? [];
  expect(textOf(fieldsOf(tensor).get(8))).toBe("w");
  const [raw] = fieldsOf(tensor).get(9) ?? [];
  expect(new Float32Array(raw.slice().buffer)).toEqual(Float32Array.of(1, -2, 3.5));
});

it.each([16, 40])("rejects %i × 128 MiB", async (count) => {
  const data = new Uint8Array(2 ** 27);
  const tensor = { name: "w", type: "float32", shape: [2 ** 25], data } as const;
  const tensors = new Array<typeof tensor>(count).fill(tensor);
  // A tensor needs 20 bytes besides its numbers, the file 38.
  const bytes = count * (2 ** 27 + 20) + 38;
  await expectGmrError(
    () => encodeModel({ ...EMPTY, tensors }),
    "unsupported",
    `the model needs ${bytes} bytes, an ONNX file has at most 2147483647`,
  );
});
