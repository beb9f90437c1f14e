/** The data of a rotation report: plain JSON, so that a run can store it and render it again. */
import type { FlipDirection, TurnAxis } from "@gmr-conv/data";
import type { LearnedKernels } from "@gmr-conv/models/inspect";
import type { Metrics } from "@gmr-conv/training";

/** Networks trained on upright images, evaluated on turned and mirrored ones. */
export interface RotationReport {
  title: string;
  /** ISO 8601. */
  createdAt: string;
  /** The shell commands that reproduce the run. */
  command: string;
  /** Those of them that train; reports of earlier versions lack it. */
  trainingCommand?: string | undefined;
  /** The one that evaluates and writes this report; likewise. */
  reportCommand?: string | undefined;
  /** What the scores measure: accuracy, or mean Dice of the classes except the background. */
  score: "accuracy" | "Dice";
  dataset: {
    name: string;
    /** Number of training images. */
    train: number;
    /** Number of images held out of these to choose weights. */
    validation?: number;
    /** Number of upright test images. */
    test: number;
    /** Number of test images turned and mirrored. */
    evaluated: number;
  };
  environment: ReportEnvironment;
  /** Settings of the run. */
  config: Record<string, unknown>;
  /** The main network first, then those it is compared with. */
  networks: NetworkReport[];
  classNames: string[];
}

/** Where a run took place. */
export interface ReportEnvironment {
  backend: string;
  threads: number;
  /** That shared the work, if there were several; each had `threads`. */
  processes?: number | undefined;
  node: string;
  platform: string;
  cpu: string;
  /** Package names and versions. */
  versions: Record<string, string>;
}

/** One network. Scores are fractions from 0 to 1, times are seconds. */
export interface NetworkReport {
  /** Short and unique, e.g. "gmr". */
  name: string;
  /** For headings, e.g. "GMR-ResNet". */
  label: string;
  /** The digest of the checkpoint that was evaluated. */
  weights?: string;
  parameters: number;
  /** Multiply-adds of one image's forward pass. */
  multiplyAdds: number;
  /** Side of the last layer's receptive field, pixels. */
  receptiveField?: number;
  /** One line per layer. */
  layers: string[];
  /** Measured during training; empty if the network was not trained in this run. */
  history: HistoryPoint[];
  epochs: EpochPoint[];
  trainSeconds?: number;
  /** Training speed. */
  imagesPerSecond?: number;
  /** Time of all evaluations. */
  evalSeconds?: number;
  /** All figures on upright images. */
  upright: Metrics & { score: number };
  /** Each angle once, for volumes once per axis; degrees counter-clockwise in [0, 360). */
  angles: AngleScore[];
  flips: FlipScore[];
  /** Counts over all turned images, [true class][predicted class]. */
  turnedConfusion?: number[][];
  /** Validations during training. */
  validations: ValidationPoint[];
  /** The widths of the Gaussians at each validation, by layer. */
  sigmas?: SigmaCurve[];
  /** The most confident mistakes. */
  mistakes?: MistakePicture[];
  /** Segmentation: some images with their masks. */
  masks?: MaskPicture[];
  kernels?: LearnedKernels[];
}

/** Loss and accuracy of one training batch, or the mean of several. */
export interface HistoryPoint {
  /** Counted over all epochs, from 0. */
  step: number;
  /** From 0. */
  epoch: number;
  loss: number;
  accuracy: number;
}

/** Means over an epoch. */
export interface EpochPoint {
  /** From 0. */
  epoch: number;
  loss: number;
  accuracy: number;
  seconds: number;
}

/** The score on test images turned by an angle. */
export interface AngleScore {
  angle: number;
  /** For volumes. */
  axis?: TurnAxis | undefined;
  score: number;
  /** 95 % confidence interval. */
  interval?: [low: number, high: number] | undefined;
  /** Segmentation: Dice between the mask of the turned image and the turned mask. */
  consistency?: number | undefined;
}

/** The score on mirrored images. */
export interface FlipScore {
  direction: FlipDirection;
  score: number;
  /** 95 % confidence interval. */
  interval?: [low: number, high: number] | undefined;
  consistency?: number | undefined;
}

/** A validation during training. */
interface ValidationPoint {
  step: number;
  epochs: number;
  score: number;
  loss?: number | undefined;
}

/** The widths of a layer's Gaussians over training. */
export interface SigmaCurve {
  layer: string;
  points: { step: number; sigmas: number[] }[];
}

/** A misclassified image. */
export interface MistakePicture {
  /** A data URI. */
  picture: string;
  label: number;
  predicted: number;
  confidence: number;
  source?: string | undefined;
}

/** An image with its true and predicted mask. */
export interface MaskPicture {
  title: string;
  image: string;
  truth: string;
  predicted: string;
}
