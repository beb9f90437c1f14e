// What a backend's stock kernels cannot do is left to those of the CPU backend, on copies. No backend handles empty
// tensors (batches of no images, maps that shrank to nothing): some trap, some never return, some read adjacent memory.
// Some backends mishandle dtypes, or lack a kernel.

import { checkKeys, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { backendTraits, knownValues } from "../backendTraits.ts";
import type { KernelArgs } from "./register.ts";

/** Kernels with windows, whose output may be empty although the input is not. */
const WINDOWS: Readonly<Record<string, (args: KernelArgs) => number[]>> = {
  [tf.Conv2D]: outShapeOfConv,
  [tf.FusedConv2D]: outShapeOfConv,
  [tf.DepthwiseConv2dNative]: outShapeOfDepthwise,
  [tf.FusedDepthwiseConv2D]: outShapeOfDepthwise,
  [tf.Conv3D]: outShapeOfConv3D,
  [tf.MaxPool]: outShapeOfPool,
  [tf.AvgPool]: outShapeOfPool,
  [tf.MaxPool3D]: outShapeOfPool3D,
  [tf.AvgPool3D]: outShapeOfPool3D,
};

export interface CpuFallbackOptions {
  /**
   * Whether a kernel is wrong for an input whose dtype is not float32.
   * @param input name such as "x" or "a"; for kernels that take a list, its index
   */
  refusesType?:
    | ((kernelName: string, dtype: tf.DataType, input: string, attrs: tf.NamedAttrMap) => boolean)
    | undefined;
  /** Whether a kernel is wrong for what it is asked to do, whatever the dtype. */
  refuses?: ((kernelName: string, attrs: tf.NamedAttrMap) => boolean) | undefined;
}

const KEYS: KeysOf<CpuFallbackOptions> = { refusesType: true, refuses: true };

/** Kernels that backends lack and copies on the CPU can stand in for: on numbers, not complex numbers or strings. */
const STAND_INS: readonly string[] = [
  tf.BitwiseAnd,
  tf.DenseBincount,
  tf.Einsum,
  tf.RotateWithOffset,
  tf.SearchSorted,
  tf.SparseSegmentMean,
  tf.SparseSegmentSum,
  tf.Transform,
  tf.UnsortedSegmentSum,
];

/**
 * Wraps a backend's kernels: they run where they work, else those of the CPU backend do, on copies. Windows with no
 * position in their input are refused. Call this after all other kernels are registered.
 */
export function cpuFallbackConfigs(backendName: string, options: CpuFallbackOptions = {}): tf.KernelConfig[] {
  const { refusesType, refuses } = checkKeys("the options of cpuFallbackConfigs", options, KEYS);
  const wrapped = tf.getKernelsForBackend(backendName).flatMap((config): tf.KernelConfig[] => {
    const { kernelName, kernelFunc } = config;
    if (!tf.getKernel(kernelName, "cpu")) return [];
    const outShape = WINDOWS[kernelName];
    const kernel: tf.KernelFunc = (args) => {
      const attrs = args.attrs as tf.NamedAttrMap;
      for (const name in args.inputs) {
        const input = args.inputs[name] as tf.TensorInfo | undefined; // biases may be missing
        if (input && (isEmpty(input) || isRefused(input, name, attrs))) return onCpu(config, args);
      }
      if (outShape) checkWindow(kernelName, args, outShape);
      return refuses?.(kernelName, attrs) ? onCpu(config, args) : kernelFunc(args);
    };
    const isRefused = ({ dtype }: tf.TensorInfo, name: string, attrs: tf.NamedAttrMap): boolean =>
      dtype !== "float32" && refusesType !== undefined && refusesType(kernelName, dtype, name, attrs);
    return [{ ...config, kernelFunc: kernel }];
  });
  return [...wrapped, ...standIns(backendName)];
}

function standIns(backendName: string): tf.KernelConfig[] {
  if (backendTraits(backendName).knownValues) return []; // copies would need waiting
  return STAND_INS.filter((name) => !tf.getKernel(name, backendName)).map((kernelName) => {
    const config: tf.KernelConfig = { kernelName, backendName, kernelFunc: (args) => onCpu(config, args) };
    return config;
  });
}

function isEmpty({ shape }: tf.TensorInfo): boolean {
  for (const size of shape) if (size === 0) return true;
  return false;
}

/**
 * @throws GmrError `invalid-shape` for windows with no position in their input
 */
function checkWindow(kernelName: string, args: KernelArgs, outShape: (args: KernelArgs) => number[]): void {
  if (args.attrs?.pad === "same" || outShape(args).every((size) => size > 0)) return;
  const { shape } = args.inputs.x as tf.TensorInfo;
  throw new GmrError(
    "invalid-shape",
    `${kernelName} has no output for input ${describeValue(shape)}: use larger images or padding "same"`,
  );
}

function onCpu(config: tf.KernelConfig, args: KernelArgs): tf.TensorInfo | tf.TensorInfo[] {
  const { kernelName, backendName } = config;
  const cpu = tf.findBackend("cpu") as tf.KernelBackend | null;
  if (!cpu) {
    throw new GmrError(
      "unsupported",
      `${kernelName} needs the CPU backend of TensorFlow.js for these tensors, but it is not registered`,
    );
  }
  (cpu as { firstUse?: boolean }).firstUse = false; // else it recommends another backend, once
  const own = args.backend as tf.KernelBackend;
  const place = (backend: tf.KernelBackend, { shape, dtype }: tf.TensorInfo, values: tf.TypedArray) => ({
    dataId: backend.write(values, shape, dtype) as object,
    shape,
    dtype,
  });
  let guessed = false;
  const made = new Set<object>();
  const copy = (tensor: tf.TensorInfo): tf.TensorInfo => {
    const values = isEmpty(tensor) ? new Float32Array(0) : knownValues(tensor, backendName, own);
    // Numbers that only a GPU has rarely matter where there is nothing to compute.
    guessed ||= values === undefined;
    const copied = place(cpu, tensor, values ?? new Float32Array(tf.util.sizeFromShape(tensor.shape)));
    made.add(copied.dataId);
    return copied;
  };
  try {
    const inputs = Object.fromEntries(
      Object.entries(args.inputs).flatMap(([name, tensor]) =>
        tensor ? [[name, copy(tensor as tf.TensorInfo)] as const] : [],
      ),
    );
    const given = Array.isArray(args.inputs) ? Object.values(inputs) : inputs;
    const kernel = tf.getKernel(kernelName, "cpu");
    const outputs = kernel.kernelFunc({ ...args, inputs: given as tf.NamedTensorInfoMap, backend: cpu });
    const all = [outputs].flat();
    for (const { dataId } of all) made.add(dataId);
    if (guessed && !all.every(isEmpty)) return config.kernelFunc(args);
    const results = all.map((output) => place(own, output, cpu.readSync(output.dataId) as tf.TypedArray));
    return Array.isArray(outputs) ? results : results[0];
  } finally {
    for (const dataId of made) cpu.disposeData(dataId, true);
  }
}

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

const shapeOf = <Shape>({ inputs }: KernelArgs, name: string): Shape =>
  (inputs[name] as tf.TensorInfo).shape as Shape;

function outShapeOfConv(args: KernelArgs): number[] {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = args.attrs as unknown as tf.Conv2DAttrs;
  const [x, filter] = [shapeOf<Shape4>(args, "x"), shapeOf<Shape4>(args, "filter")];
  const format = tf.backend_util.convertConv2DDataFormat(dataFormat);
  return tf.backend_util.computeConv2DInfo(x, filter, strides, dilations, pad, dimRoundingMode, false, format)
    .outShape;
}

function outShapeOfDepthwise(args: KernelArgs): number[] {
  const { strides, pad, dilations, dimRoundingMode } = args.attrs as unknown as tf.DepthwiseConv2dNativeAttrs;
  const [x, filter] = [shapeOf<Shape4>(args, "x"), shapeOf<Shape4>(args, "filter")];
  return tf.backend_util.computeConv2DInfo(x, filter, strides, dilations ?? 1, pad, dimRoundingMode, true)
    .outShape;
}

function outShapeOfConv3D(args: KernelArgs): number[] {
  const { strides, pad, dilations } = args.attrs as unknown as tf.Conv3DAttrs;
  const [x, filter] = [shapeOf<Shape5>(args, "x"), shapeOf<Shape5>(args, "filter")];
  return tf.backend_util.computeConv3DInfo(x, filter, strides, dilations, pad).outShape;
}

function outShapeOfPool(args: KernelArgs): number[] {
  const { filterSize, strides, pad, dimRoundingMode } = args.attrs as unknown as tf.AvgPoolAttrs;
  const x = shapeOf<Shape4>(args, "x");
  return tf.backend_util.computePool2DInfo(x, filterSize, strides, 1, pad, dimRoundingMode).outShape;
}

function outShapeOfPool3D(args: KernelArgs): number[] {
  const { filterSize, strides, pad, dimRoundingMode } = args.attrs as unknown as tf.AvgPool3DAttrs;
  const x = shapeOf<Shape5>(args, "x");
  return tf.backend_util.computePool3DInfo(x, filterSize, strides, 1, pad, dimRoundingMode).outShape;
}
