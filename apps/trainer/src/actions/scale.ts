import { type Communicator, singleProcess } from "@gmr-conv/distributed";
import { createStored } from "@gmr-conv/models/stored";
import type * as tf from "@tensorflow/tfjs";
import { activeThreads, describeBackend, threadsSetting, useBackend } from "../backend.ts";
import type { BackendChoice } from "../backendNames.ts";
import type { RankFlags } from "../ranks/options.ts";
import { threadsOfRank, withRanks } from "../ranks/withRanks.ts";
import { fitLink, fitStep, misfit } from "../scale/fit.ts";
import { measureExchanges, measureSteps } from "../scale/measure.ts";
import { allReduceTime, type Cluster, type Link, scalingRows, stepTime } from "../scale/model.ts";
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

  say(`steps with ${images} images${several ? `, alone and on ${communicator.size} ranks` : ""}`);
  const measured = await measureSteps(model, counts, { syncBatchNorm, repeat }, communicator);
  const steps = fitStep(measured.steps);

  const cluster = clusterOf(options, communicator);
  let comparison: Comparison | undefined;
  if (measured.training) {
    say("exchanges");
    const exchanges = measureExchanges(communicator, EXCHANGES_PER_STEP * repeat);
    const fitted = fitLink(exchanges, communicator.size);
    const oneMachine = communicator.localSize === communicator.size;
    // What the ranks of a machine share.
    const link = { ...fitted, bandwidth: fitted.bandwidth * (oneMachine ? communicator.size : 1) };
    const here: Cluster = { ...cluster, ranksPerMachine: communicator.localSize };
    if (oneMachine) {
      here.memory = link;
      cluster.memory = linkFrom(options.memoryLatency, options.memoryBandwidth, link);
    } else {
      here.network = link;
      cluster.network = linkFrom(options.latency, options.bandwidth, link);
    }
    const { alone, best, median } = measured.training;
    comparison = {
      ranks: communicator.size,
      mpi: communicator.name,
      oneMachine,
      imagesPerRank,
      alone,
      predicted: stepTime(steps, imagesPerRank, communicator.size, here),
      measured: best,
      median,
      link,
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
    steps: measured.steps.map(({ images, end }) => ({ images, seconds: end })),
    fit: { ...steps.end, error: misfit(steps, measured.steps) },
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
    network: linkFrom(options.latency, options.bandwidth, NETWORK),
    memory: linkFrom(options.memoryLatency, options.memoryBandwidth, MEMORY),
    ranksPerMachine: options.ranksPerMachine ?? communicator.localSize,
  };
}

/** What the options give, and the rest of another. */
function linkFrom(latency: number | undefined, bandwidth: number | undefined, other: Link): Link {
  return { latency: latency ?? other.latency, bandwidth: bandwidth ?? other.bandwidth };
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
