import { gmrConv2d, gmrConv2dLayer } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { heapBytes } from "../testing/heapBytes.ts";
import { useWasm } from "./index.ts";
import { wasm } from "./state.ts";

// These tests replace the backend and therefore run in this order.

function convolve(): number {
  return tf.tidy(() => {
    const y = gmrConv2d(tf.ones<tf.Rank.R4>([1, 5, 5, 2]), tf.ones([2, 2, 1]), {
      kernelSize: 3,
      strategy: "ring",
    });
    return y.sum().dataSync()[0];
  });
}

/** 3×3 outputs, each the sum of 3×3 positions of 2 channels. */
const EXPECTED = 9 * 9 * 2;

it("is needed before the kernels run, and makes wasm the active backend", async () => {
  await tf.setBackend("cpu");
  await useWasm();
  expect(tf.getBackend()).toBe("wasm");
  expect(tf.backend()).toBeInstanceOf(BackendWasm);
  expect(convolve()).toBe(EXPECTED);
});

it("computes channels by themselves in one kernel", async () => {
  const [x, weights] = [tf.ones<tf.Rank.R4>([1, 6, 6, 5]), tf.ones<tf.Rank.R3>([2, 1, 5])];
  const { kernelNames } = await tf.profile(() => gmrConv2d(x, weights, { kernelSize: 3, groups: 5 }));
  expect(kernelNames).toEqual(["DepthwiseRingConv"]);
  tf.dispose([x, weights]);
});

it("computes groups in one kernel", async () => {
  const [x, weights] = [tf.ones<tf.Rank.R4>([1, 6, 6, 8]), tf.ones<tf.Rank.R3>([2, 2, 12])];
  const { kernelNames } = await tf.profile(() => gmrConv2d(x, weights, { kernelSize: 3, groups: 4 }));
  expect(kernelNames).toEqual(["GroupedRingConv"]);
  tf.dispose([x, weights]);
});

it("registers every kernel and the layers", () => {
  for (const name of [
    "RingConv",
    "RingConvBackpropInput",
    "RingConvBackpropFilter",
    "DepthwiseRingConv",
    "DepthwiseRingConvBackpropInput",
    "DepthwiseRingConvBackpropFilter",
    "GroupedRingConv",
    "GroupedRingConvBackpropInput",
    "GroupedRingConvBackpropFilter",
    "BatchNormTraining",
    "BatchNormTrainingGrad",
    "BatchNormTrainingParamGrad",
    "Conv2DBackpropInput",
    "Conv2DBackpropFilter",
    "AvgPoolGrad",
  ]) {
    expect(tf.getKernel(name, "wasm"), name).toBeDefined();
  }
  const [layer] = tf.serialization.SerializationMap.getMap().classNameMap.GmrConv2D;
  expect(gmrConv2dLayer({ filters: 1, kernelSize: 3 })).toBeInstanceOf(layer);
});

it("refuses a tensor that the heap has no room for, and continues", async () => {
  const backend = tf.backend() as BackendWasm;
  const allocate = (gibibytes: number) => backend.makeOutput([gibibytes * 2 ** 28], "float32");
  const message = (bytes: number) =>
    `the wasm heap (4 GiB, 2 GiB for a tensor) has no room for ${bytes} bytes: ` +
    "use smaller batches or gradient checkpointing";
  const large = [allocate(1.5), allocate(1.5)];
  for (const gibibytes of [1.5, 2, 5]) {
    await expectGmrError(() => allocate(gibibytes), "out-of-memory", message(gibibytes * 2 ** 30));
  }
  for (const { dataId } of large) backend.disposeData(dataId);
  expect(convolve()).toBe(EXPECTED);
});

it("may be called again, cheaply", async () => {
  const state = wasm.stateOf(tf.backend());
  const bytes = heapBytes();
  for (let i = 0; i < 100; i++) await useWasm();
  await Promise.all([useWasm(), useWasm()]);
  expect(wasm.stateOf(tf.backend())).toBe(state);
  expect(heapBytes()).toBe(bytes);
  expect(convolve()).toBe(EXPECTED);
});

it("keeps its kernels if the heap is not shared, for any number of threads", async () => {
  const bytes = heapBytes();
  for (let i = 0; i < 200; i++) {
    await useWasm({ threads: 1 + (i % 2) });
    expect(convolve()).toBe(EXPECTED);
  }
  expect(heapBytes()).toBe(bytes);
});

it("keeps what a later call does not ask for", async () => {
  const wanted = () => {
    const { threadsWanted, relaxedWanted } = wasm.stateOf(tf.backend());
    return [threadsWanted, relaxedWanted];
  };
  await useWasm({ threads: 3, relaxedSimd: false });
  await useWasm();
  expect(wanted()).toEqual([3, false]);
  await useWasm({ threads: 2 });
  expect(wanted()).toEqual([2, false]);
  await useWasm({ relaxedSimd: true });
  expect(wanted()).toEqual([2, true]);
});

it("returns from another backend, with the tensors of both", async () => {
  const x = tf.ones<tf.Rank.R4>([1, 5, 5, 2]);
  await tf.setBackend("cpu");
  const onCpu = convolve();
  const weights = tf.ones<tf.Rank.R3>([2, 2, 1]);
  await useWasm();
  expect(onCpu).toBe(EXPECTED);
  expect(gmrConv2d(x, weights, { kernelSize: 3 }).sum().dataSync()[0]).toBe(EXPECTED);
});

it("says so if the backend was replaced, and recovers when called again", async () => {
  const factory = tf.findBackendFactory("wasm");
  tf.removeBackend("wasm");
  await expectGmrError(
    () => useWasm(),
    "unsupported",
    "the TensorFlow.js wasm backend is not registered: was it removed?",
  );
  tf.registerBackend("wasm", factory);
  await tf.setBackend("wasm");
  await expectGmrError(
    convolve,
    "internal",
    "the wasm backend was replaced: call useWasm() again after changing backends",
  );
  await useWasm();
  expect(convolve()).toBe(EXPECTED);
});

/** A backend that satisfies what the stock kernels call during setup. */
class OtherBackend extends tf.KernelBackend {
  readonly wasm = { cwrap: () => () => 0 };
  override dispose(): void {}
}

it("refuses another backend of the same name", async () => {
  const factory = tf.findBackendFactory("wasm");
  tf.removeBackend("wasm");
  tf.registerBackend("wasm", () => new OtherBackend());
  await expectGmrError(
    () => useWasm(),
    "unsupported",
    "the active wasm backend is not that of @tensorflow/tfjs-backend-wasm: is it installed twice?",
  );
  tf.removeBackend("wasm");
  tf.registerBackend("wasm", factory);
  await useWasm();
  expect(convolve()).toBe(EXPECTED);
});
