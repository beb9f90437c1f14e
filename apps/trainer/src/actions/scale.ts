import { type Communicator, singleProcess } from "@gmr-conv/distributed";
import { createStored } from "@gmr-conv/models/stored";
import type * as tf from "@tensorflow/tfjs";
import { activeThreads, describeBackend, threadsSetting, useBackend } from "../backend.ts";
import type { BackendChoice } from "../backendNames.ts";
import type { RankFlags } from "../ranks/options.ts";
import { threadsOfRank, withRanks } from "../ranks/withRanks.ts";
import { fitLink, fitStep, misfit } from "../scale/fit.ts";
import { measureExchanges, measureSteps, measureTraining } from "../scale/measure.ts";
import { allReduceTime, type Cluster, scalingRows, stepTime } from "../scale/model.ts";
import { type Comparison, type ScaleResult, scaleText } from "../scale/tables.ts";

interface ScaleOptions extends RankFlags {
  backend: BackendChoice;
  threads?: number;
  model: string;
  inputShape: number[];
  classes: number;
  widths?: number[];
  depths?: number[];
  kernelSizes?: number[];
  syncBatchNorm: boolean;
  ranks: number[];
  imagesPerRank: number;
  batchSize: number;
  bandwidth?: number;
  latency?: number;
  ranksPerMachine?: number;
  memoryBandwidth?: number;
  memoryLatency?: number;
  repeat: number;
  json: boolean;
}

const NETWORK = { latency: 20e-6, bandwidth: 10e9 / 8 };
const MEMORY = { latency: 5e-6, bandwidth: 10e9 };

/** All-reduces take less time than steps: more of them are measured. */
const EXCHANGES_PER_STEP = 5;

export async function scale(options: ScaleOptions): Promise<void> {
  const work = async (communicator?: Communicator): Promise<void> => {
    const result = await measure(options, communicator ?? singleProcess());
    if ((communicator?.rank ?? 0) !== 0) return;
    console.log(options.json ? JSON.stringify(result) : scaleText(result));
  };
  await withRanks(options, { first: work, others: work });
}

/** Every rank measures the same. */
async function measure(options: ScaleOptions, communicator: Communicator): Promise<ScaleResult> {
  const { imagesPerRank, batchSize, syncBatchNorm, repeat, ranks } = options;
  const several = communicator.size > 1;
  const say = (text: string): void => {
    if (communicator.rank === 0) console.error(`gmr: ${text}`);
  };
  const own = threadsOfRank(communicator, options.threads ?? threadsSetting());
  const threads = several ? own : options.threads;
  await useBackend(options.backend, { threads });
  const model = networkOf(options);
  const counts = [...new Set([8, 2, 1].map((part) => Math.max(1, Math.round(imagesPerRank / part))))];
  const images = counts.join(", ").replace(/, (\d+)$/, " and $1");
  const settings = { syncBatchNorm, repeat };

  say(`steps with ${images} images${several ? ", on one rank" : ""}`);
  let aloneSteps = communicator.rank === 0 ? await measureSteps(model, counts, settings) : [];
  // The other ranks wait, asleep.
  if (several) await communicator.broadcast(communicator.rank === 0 ? new Uint8Array(1) : undefined, true);
  const alone = aloneSteps.at(-1)?.end ?? 0;
  if (several) {
    say(`the same on ${communicator.size} ranks at once`);
    aloneSteps = await measureSteps(model, counts, settings, communicator);
  }
  const steps = fitStep(aloneSteps);

  const cluster = clusterOf(options, communicator);
  let comparison: Comparison | undefined;
  if (several) {
    say("exchanges");
    const exchanges = await measureExchanges(communicator, EXCHANGES_PER_STEP * repeat);
    const link = fitLink(exchanges, communicator.size);
    const oneMachine = communicator.localSize === communicator.size;
    // The ranks of a machine share its memory's bandwidth.
    const measured = { ...link, bandwidth: link.bandwidth * (oneMachine ? communicator.size : 1) };
    const here: Cluster = oneMachine
      ? { ...cluster, memory: measured, ranksPerMachine: communicator.size }
      : { ...cluster, network: measured, ranksPerMachine: communicator.localSize };
    if (oneMachine) {
      cluster.memory = {
        latency: options.memoryLatency ?? measured.latency,
        bandwidth: options.memoryBandwidth ?? measured.bandwidth,
      };
    } else {
      cluster.network = {
        latency: options.latency ?? measured.latency,
        bandwidth: options.bandwidth ?? measured.bandwidth,
      };
    }
    say(`training steps of ${communicator.size} ranks`);
    const training = await measureTraining(model, imagesPerRank, settings, communicator);
    comparison = {
      ranks: communicator.size,
      mpi: communicator.name,
      oneMachine,
      imagesPerRank,
      alone,
      predicted: stepTime(steps, imagesPerRank, communicator.size, here),
      measured: training.best,
      median: training.median,
      link: measured,
      exchanges: exchanges.map(({ bytes, seconds }) => ({
        bytes,
        seconds,
        predicted: allReduceTime(bytes, communicator.size, here),
      })),
    };
  }
  const result: ScaleResult = {
    model: options.model,
    backend: options.backend,
    device: describeBackend(),
    threads: activeThreads(),
    syncBatchNorm,
    gradientBytes: steps.exchanges
      .filter(({ overlaps }) => overlaps)
      .reduce((sum, { bytes }) => sum + bytes, 0),
    steps: aloneSteps.map(({ images, end }) => ({ images, seconds: end })),
    fit: { ...steps.end, error: misfit(steps, aloneSteps) },
    cluster,
    imagesPerRank,
    batchSize,
    weak: scalingRows(steps, "weak", imagesPerRank, ranks, cluster),
    strong: scalingRows(steps, "strong", batchSize, ranks, cluster),
    ...(comparison && { comparison }),
  };
  model.dispose();
  return result;
}

function clusterOf(options: ScaleOptions, communicator: Communicator): Cluster {
  return {
    network: {
      latency: options.latency ?? NETWORK.latency,
      bandwidth: options.bandwidth ?? NETWORK.bandwidth,
    },
    memory: {
      latency: options.memoryLatency ?? MEMORY.latency,
      bandwidth: options.memoryBandwidth ?? MEMORY.bandwidth,
    },
    ranksPerMachine: options.ranksPerMachine ?? communicator.localSize,
  };
}

/** @throws GmrError `invalid-argument` for an unknown name, or options that the network does not take */
function networkOf({
  model,
  inputShape,
  classes,
  widths,
  depths,
  kernelSizes,
}: ScaleOptions): tf.LayersModel {
  const options = {
    inputShape,
    classes,
    seed: 1,
    ...(widths && { widths }),
    ...(depths && { depths }),
    ...(kernelSizes && { kernelSizes }),
  };
  return createStored({ name: model, options });
}
