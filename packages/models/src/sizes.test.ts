// Networks on images of any size: even, odd, mixed, tiny, known in advance or not.

import { useWasm } from "@gmr-conv/backend-wasm";
import { graphNodes, SymmetricPooling } from "@gmr-conv/tfjs";
import { checkEquivariance } from "@gmr-conv/tfjs/equivariance";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { createModel } from "./registry.ts";
import type { ResNetOptions } from "./resNetOptions.ts";
import type { UNetOptions } from "./unetOptions.ts";

beforeAll(async () => {
  await useWasm();
});

type Sides = (number | null)[];
type Create = (sides: Sides) => tf.LayersModel;

const residual = { classes: 3, depths: [1, 1, 1], widths: [4, 4, 4], seed: 5 };
const rings = { ...residual, kernelSizes: [5, 3, 3], stemKernelSize: 5 };
const group = { ...residual, widths: [2, 2, 2] };
const nested = { classes: 2, levels: 2, features: [4, 4, 4, 4], kernelSizes: [5, 3, 3], seed: 5 };
const nestedVolumes = { ...nested, levels: 1, features: [4, 4, 4], kernelSizes: [3, 3] };

const resNet18 =
  (options: Omit<ResNetOptions, "inputShape">): Create =>
  (sides) =>
    createModel("gmr-resnet18", { ...options, inputShape: [...sides, 1] });
const uNet =
  (options: Omit<UNetOptions, "inputShape">): Create =>
  (sides) =>
    createModel("gmr-unet", { ...options, inputShape: [...sides, 1] });

const NETWORKS: [name: string, rank: 2 | 3, create: Create][] = [
  ["GMR-ResNet", 2, resNet18({ ...rings, stemPool: true })],
  ["GMR-ResNet, blur, disc", 2, resNet18({ ...rings, pooling: "blur", fieldOfView: "disc" })],
  ["bottlenecks", 2, (sides) => createModel("gmr-resnet50", { ...rings, inputShape: [...sides, 1] })],
  ["GMR-R3D", 3, (sides) => createModel("gmr-r3d9", { ...rings, inputShape: [...sides, 1] })],
  ["group network p4", 2, (sides) => createModel("p4-resnet18", { ...group, inputShape: [...sides, 1] })],
  [
    "group network p4m, blur",
    2,
    (sides) => createModel("p4m-resnet18", { ...group, pooling: "blur", inputShape: [...sides, 1] }),
  ],
  ["GMR-UNet", 2, uNet(nested)],
  ["GMR-UNet, averages", 2, uNet({ ...nested, pooling: "average" })],
  ["GMR-UNet for volumes", 3, uNet(nestedVolumes)],
];

describe.each(NETWORKS)("%s", (name, rank, create) => {
  const flips = name !== "group network p4";
  const sides = fc.array(fc.integer({ min: 5, max: rank === 2 ? 20 : 8 }), {
    minLength: rank,
    maxLength: rank,
  });

  it("keeps every symmetry on sides of any parity, known or not", async () => {
    const open = create(new Array<null>(rank).fill(null));
    await fc.assert(
      fc.asyncProperty(sides, async (sizes) => {
        const inputShape = [...sizes, 1];
        const known = create(sizes);
        try {
          // With known sizes, symmetries that exchange unequal ones are left out.
          for (const model of [known, open]) {
            const { exact } = await checkEquivariance(model, { inputShape, angles: [], flips });
            expect(exact.worst).toBeLessThan(1e-5);
            if (model === open) expect(exact.skipped).toEqual([]);
          }
          const [a, b] = tf.tidy(() => {
            const x = tf.randomNormal([2, ...inputShape], 0, 1, "float32", 3);
            return [known, open].map((model) => (model.predict(x) as tf.Tensor).dataSync());
          });
          expect(a).toEqual(b);
        } finally {
          known.dispose();
        }
      }),
      { numRuns: rank === 2 ? 8 : 5, seed: 7 },
    );
    open.dispose();
  });
});

it("mirrors with images of 65×64 in a U-Net of the default depth", async () => {
  const model = createModel("gmr-unet", {
    inputShape: [65, 64, 1],
    classes: 2,
    features: [4, 4, 4, 4, 4, 4],
    seed: 5,
  });
  const { exact } = await checkEquivariance(model, { angles: [] });
  expect(exact.elements.map(({ element }) => element)).toEqual([
    "identity",
    "180°",
    "mirror",
    "mirror, 180°",
  ]);
  expect(exact.worst).toBeLessThan(1e-5);
  model.dispose();
});

it("takes images down to one pixel, whether sizes are known or not", () => {
  const open = createModel("gmr-resnet18", { ...rings, inputShape: [null, null, 1] });
  for (const [height, width] of [
    [1, 1],
    [1, 7],
    [2, 3],
    [7, 7],
  ]) {
    const known = createModel("gmr-resnet18", { ...rings, inputShape: [height, width, 1] });
    const [a, b] = tf.tidy(() => {
      const x = tf.randomNormal([2, height, width, 1], 0, 1, "float32", 3);
      return [known, open].map((model) => (model.predict(x) as tf.Tensor).dataSync());
    });
    expect(a).toEqual(b);
    known.dispose();
  }
  open.dispose();
});

it.each(NETWORKS)("returns empty results for empty batches: %s", (_, rank, create) => {
  const sides = new Array<number>(rank).fill(8);
  for (const sizes of [sides, sides.map(() => null)]) {
    const model = create(sizes);
    const { numTensors } = tf.memory();
    const x = tf.zeros([0, ...sides, 1]);
    const y = model.predict(x) as tf.Tensor;
    const classes = y.shape[y.shape.length - 1];
    expect(y.shape).toEqual(y.rank === 2 ? [0, 3] : [0, ...sides, classes]);
    tf.dispose([x, y]);
    expect(tf.memory().numTensors).toBe(numTensors);
    model.dispose();
  }
});

it("chooses windows at call time only if sizes are unknown", () => {
  const pools = (inputShape: Sides) => {
    const model = createModel("gmr-resnet18", { ...rings, inputShape });
    const found = graphNodes(model).filter(({ layer }) => layer instanceof SymmetricPooling).length;
    model.dispose();
    return found;
  };
  expect(pools([31, 30, 1])).toBe(0);
  expect(pools([null, 30, 1])).toBe(2);
});

describe("says which images are too small", () => {
  const floor = { oddSides: "floor" } as const;
  const cases: [message: string, create: Create, sizes: number[]][] = [
    [
      "images of [3, 8] cannot be halved 2 times: after 1 their maps are [1, 4]; " +
        'use larger images or oddSides "symmetric"',
      resNet18({ ...rings, ...floor }),
      [3, 8],
    ],
    [
      "images of [8, 2] cannot be halved 2 times: after 1 their maps are [4, 1]; use larger images or fewer levels",
      uNet(nested),
      [8, 2],
    ],
    [
      "images of [3, 8] cannot be halved 2 times: after 1 their maps are [1, 4]; use larger images or fewer levels",
      uNet({ ...nested, ...floor }),
      [3, 8],
    ],
    [
      'images of [8, 10] lead to maps of [4, 5]: upsampling "deconv" needs even sides, or oddSides "floor"',
      uNet({ ...nested, upsampling: "deconv" }),
      [8, 10],
    ],
  ];
  it.each(cases)("%s", (message, create, sizes) => {
    expectGmrError(() => create(sizes), "invalid-shape", message);
    const open = create([null, null]);
    const { numTensors } = tf.memory();
    const x = tf.zeros([1, ...sizes, 1]);
    expectGmrError(() => open.predict(x), "invalid-shape", message);
    x.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
    open.dispose();
  });
});

it.each([
  [30, 30],
  [31, 28],
  [29, 17],
])("computes the same in an official U-Net of unknown and of known sizes: %i×%i", (height, width) => {
  const options = { ...nested, upsampling: "deconv", oddSides: "floor" } as const;
  const create = uNet(options);
  const [known, open] = [create([height, width]), create([null, null])];
  const [a, b] = tf.tidy(() => {
    const x = tf.randomNormal([1, height, width, 1], 0, 1, "float32", 3);
    return [known, open].map((model) => {
      const y = model.predict(x) as tf.Tensor;
      expect(y.shape).toEqual([1, height, width, 2]);
      return y.dataSync();
    });
  });
  expect(a).toEqual(b);
  known.dispose();
  open.dispose();
});
