// Metrics of classification, from the probabilities of all images.

import { wilson } from "./intervals.ts";

/** Shares are from 0 to 1. */
export interface ClassificationMetrics {
  count: number;
  /** Mean cross entropy. */
  loss: number;
  accuracy: number;
  /** 95 % confidence interval of the accuracy. */
  interval: [low: number, high: number];
  /** Share of images whose class is among the five most probable; 1 for up to five classes. */
  top5: number;
  /** Mean recall over the classes, however large each is. */
  balancedAccuracy: number;
  /** Mean over the classes of `2 · precision · recall / (precision + recall)`. */
  f1: number;
  /** Mean over the classes of the area under the ROC curve, one class against the others. */
  auc: number;
  /** Expected calibration error: difference of confidence and accuracy, in 15 bins. */
  ece: number;
  /** [true class][predicted class] */
  confusion: number[][];
}

/** A misclassified image, with the confidence of the network. */
export interface Mistake {
  index: number;
  label: number;
  predicted: number;
  confidence: number;
}

/** Collects the probabilities of images. */
export class Classification {
  private readonly classes: number;
  private readonly labels: number[] = [];
  private readonly probabilities: Float32Array[] = [];
  private right = 0;

  constructor(classes: number) {
    this.classes = classes;
  }

  /** @param probabilities [N, K] */
  add(labels: ArrayLike<number>, probabilities: Float32Array): void {
    for (let n = 0; n < labels.length; n++) {
      this.labels.push(labels[n]);
      if (largest(probabilities.subarray(n * this.classes, (n + 1) * this.classes)) === labels[n])
        this.right++;
    }
    this.probabilities.push(probabilities);
  }

  /** All labels and probabilities, for {@link merge}. */
  save(): Uint8Array {
    const bytes = new Uint8Array(4 * this.labels.length * (1 + this.classes));
    new Int32Array(bytes.buffer, 0, this.labels.length).set(this.labels);
    const probabilities = new Float32Array(bytes.buffer, 4 * this.labels.length);
    let at = 0;
    for (const block of this.probabilities) {
      probabilities.set(block, at);
      at += block.length;
    }
    return bytes;
  }

  /** Adds the images that another has collected. @param saved by {@link save}, for as many classes */
  merge(saved: Uint8Array): void {
    const { buffer } = saved.slice();
    const count = saved.length / (4 * (1 + this.classes));
    this.add(new Int32Array(buffer, 0, count), new Float32Array(buffer, 4 * count));
  }

  /** Share of correct images so far. */
  get score(): number {
    return this.right / Math.max(1, this.labels.length);
  }

  /** The most confident mistakes, the worst first. */
  mistakes(most: number): Mistake[] {
    const rows = this.rows();
    const wrong = this.predictions().flatMap((predicted, index): Mistake[] => {
      const label = this.labels[index];
      return predicted === label ? [] : [{ index, label, predicted, confidence: rows[index][predicted] }];
    });
    return wrong.sort((a, b) => b.confidence - a.confidence || a.index - b.index).slice(0, most);
  }

  metrics(): ClassificationMetrics {
    const { labels, classes } = this;
    const rows = this.rows();
    const predictions = this.predictions();
    const count = labels.length;
    const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
    let [top5, loss] = [0, 0];
    predictions.forEach((predicted, n) => {
      const label = labels[n];
      confusion[label][predicted]++;
      const own = rows[n][label];
      if (rows[n].reduce((better, p) => better + Number(p > own), 0) < 5) top5++;
      loss -= Math.log(Math.max(own, 1e-12));
    });
    const perClass = confusion.map((row, label) => {
      const total = row.reduce((a, b) => a + b, 0);
      const claimed = confusion.reduce((sum, other) => sum + other[label], 0);
      const hits = row[label];
      return {
        total,
        recall: hits / total,
        f1: total + claimed === 0 ? Number.NaN : (2 * hits) / (total + claimed),
      };
    });
    const present = perClass.filter(({ total }) => total > 0);
    return {
      count,
      loss: loss / count,
      accuracy: this.score,
      interval: wilson(this.right, count),
      top5: top5 / count,
      balancedAccuracy: mean(present.map(({ recall }) => recall)),
      f1: mean(present.map(({ f1 }) => f1)),
      auc: mean(
        perClass.flatMap(({ total }, label) =>
          total > 0 && total < count ? [this.areaUnderCurve(rows, label)] : [],
        ),
      ),
      ece: this.calibrationError(rows, predictions),
      confusion,
    };
  }

  private rows(): Float32Array[] {
    return this.probabilities.flatMap((block) =>
      Array.from({ length: block.length / this.classes }, (_, n) =>
        block.subarray(n * this.classes, (n + 1) * this.classes),
      ),
    );
  }

  private predictions(): number[] {
    return this.rows().map(largest);
  }

  /** The chance that an image of the class has a larger probability for it than another image; ties count half. */
  private areaUnderCurve(rows: Float32Array[], label: number): number {
    const scored = rows.map((row, n) => ({ score: row[label], own: this.labels[n] === label }));
    scored.sort((a, b) => a.score - b.score);
    let [ranks, own] = [0, 0];
    for (let start = 0; start < scored.length; ) {
      let end = start;
      while (end < scored.length && scored[end].score === scored[start].score) end++;
      const rank = (start + end + 1) / 2;
      for (let i = start; i < end; i++) {
        if (!scored[i].own) continue;
        ranks += rank;
        own++;
      }
      start = end;
    }
    return (ranks - (own * (own + 1)) / 2) / (own * (scored.length - own));
  }

  private calibrationError(rows: Float32Array[], predictions: number[]): number {
    const bins = Array.from({ length: 15 }, () => ({ sure: 0, right: 0 }));
    predictions.forEach((predicted, n) => {
      const confidence = rows[n][predicted];
      const bin = bins[Math.min(14, Math.floor(confidence * 15))];
      bin.sure += confidence;
      bin.right += Number(predicted === this.labels[n]);
    });
    return bins.reduce((sum, { sure, right }) => sum + Math.abs(sure - right), 0) / rows.length;
  }
}

/** The index of the largest number, the first among equals. */
function largest(row: Float32Array): number {
  let best = 0;
  for (let k = 1; k < row.length; k++) if (row[k] > row[best]) best = k;
  return best;
}

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
