import { ExponentialMovingAverage, resNet } from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { temporaryFolder } from "../../testing/cli.ts";
import { useBackend } from "../backend.ts";
import { Optimizer } from "../training/optimizer.ts";
import { modelVariables } from "../training/variables.ts";
import { checkpointName, loadCheckpoint, requireCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { RunFolder } from "./runFolder.ts";

const network = () =>
  resNet({ inputShape: [8, 8, 1], classes: 2, depths: [1], widths: [4], kernelSizes: [3], seed: 1 });

function stateOf(model: tf.LayersModel, ema: boolean) {
  const settings = { name: "sgd", learningRate: 1, weightDecay: 0, momentum: 0.9, warmup: 0 } as const;
  return {
    optimizer: new Optimizer(settings, modelVariables(model, true), new Set()),
    average: ema ? new ExponentialMovingAverage(model, { decay: 0.5, warmup: false }) : undefined,
  };
}

/** The classifier's offsets. */
const offsets = (model: tf.LayersModel) => Array.from(model.getLayer("fc").weights[1].read().dataSync());

beforeAll(() => useBackend("wasm"));

describe("a checkpoint with averages", () => {
  it("gives the averages for use, and the weights to go on training", async () => {
    const run = RunFolder.named(temporaryFolder(), "run");
    await run.create();
    const model = network();
    const state = stateOf(model, true);
    const bias = model.getLayer("fc").weights[1].read() as tf.Variable;
    tf.tidy(() => bias.assign(tf.tensor1d([2, 4])));
    const before = stateOf(model, true); // its averages start at 2 and 4
    tf.tidy(() => bias.assign(tf.tensor1d([4, 8])));
    before.average?.update();
    const tensors = tf.memory().numTensors;
    await saveCheckpoint(run, "net", model, before, { step: 3, seconds: 1 });
    expect(tf.memory().numTensors).toBe(tensors);

    const used = network();
    await requireCheckpoint(run, "net", used);
    expect(offsets(used)).toEqual([3, 6]);
    expect(await loadCheckpoint(run, "net", used, state)).toMatchObject({
      position: { step: 3, seconds: 1 },
    });
    expect(offsets(used)).toEqual([4, 8]);
    expect(offsets(model)).toEqual([4, 8]);
    await state.average?.withAverages(() => expect(offsets(model)).toEqual([3, 6]));
  });

  it("is needed to go on with averages", async () => {
    const run = RunFolder.named(temporaryFolder(), "run");
    await run.create();
    const model = network();
    await saveCheckpoint(run, "net", model, stateOf(model, false), { step: 3, seconds: 1 });
    await expectGmrError(
      () => loadCheckpoint(run, "net", model, stateOf(model, true)),
      "invalid-data",
      `${run.file(checkpointName("net"))}: tensor average/steps is missing, expected shape []: was it written for another network?`,
    );
  });
});
