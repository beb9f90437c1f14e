/** The data of a rotation report: plain JSON, so that a run can store it and render it again. */

/** Networks trained on upright images, and how they read turned and mirrored ones. */
export interface RotationReport {
  title: string;
  /** ISO 8601. */
  createdAt: string;
  /** The shell command that reproduces the run. */
  command: string;
  dataset: {
    name: string;
    /** Number of training images. */
    train: number;
    /** Number of upright test images. */
    test: number;
    /** Number of test images that were turned and mirrored. */
    evaluated: number;
  };
  environment: ReportEnvironment;
  /** Settings of the run, nested as they come. */
  config: Record<string, unknown>;
  /** The network that the report is about first, then those it is compared with. */
  networks: NetworkReport[];
  classNames: string[];
}

/** Where a run took place. */
export interface ReportEnvironment {
  backend: string;
  threads: number;
  node: string;
  platform: string;
  cpu: string;
  /** Package names and versions. */
  versions: Record<string, string>;
}

/** One network. Accuracies are fractions from 0 to 1, times are seconds. */
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
  /** Measured during training, any spacing; empty if the network was not trained in this run. */
  history: HistoryPoint[];
  epochs: EpochPoint[];
  trainSeconds?: number;
  /** Training speed. */
  imagesPerSecond?: number;
  /** Time of all evaluations together. */
  evalSeconds?: number;
  upright: { count: number; accuracy: number; confusion: number[][] };
  /** Each angle once, degrees counter-clockwise in [0, 360). */
  angles: AngleAccuracy[];
  /** Accuracy on mirrored images. */
  flips?: { horizontal: number; vertical: number };
  /** Counts over all turned images, [true class][predicted class]. */
  turnedConfusion?: number[][];
  kernels?: KernelLayer[];
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

/** Accuracy on the test images turned by an angle. */
export interface AngleAccuracy {
  angle: number;
  accuracy: number;
}

/** Some of a layer's learned kernels. */
export interface KernelLayer {
  layer: string;
  kernelSize: number;
  /** Raw kernel values, row by row. */
  pictures: { width: number; height: number; values: number[] }[];
  /** Width of each ring's Gaussian in ring units, innermost ring first; empty for a dense layer. */
  sigmas: number[];
}
