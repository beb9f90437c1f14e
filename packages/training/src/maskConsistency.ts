import type { Dataset } from "@gmr-conv/data";
import type { Communicator } from "@gmr-conv/distributed";
import { IGNORED } from "./metrics/segmentation.ts";
import { seenAs, type View } from "./views.ts";

/** Receives the predicted masks of each batch, with its labels. */
export interface MaskListener {
  add(predicted: Int32Array, labels: Int32Array): void;
}

/** Dice between the masks of turned images and the turned masks of the upright ones. */
export class MaskConsistency implements MaskListener {
  private readonly upright: readonly Int32Array[];
  private readonly sizes: readonly number[];
  private readonly view: View;
  private batch = 0;
  private both = 0;
  private sum = 0;

  /** @param upright the predicted masks of upright images, in the same batches */
  constructor(upright: readonly Int32Array[], { shape }: Dataset, view: View, size?: readonly number[]) {
    this.upright = upright;
    this.sizes = size ?? shape.slice(0, -1);
    this.view = view;
  }

  add(predicted: Int32Array, labels: Int32Array): void {
    const unused = new Float32Array(labels.length);
    const { labels: turned } = seenAs(unused, this.upright[this.batch++], [...this.sizes, 1], this.view);
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] === IGNORED || turned[i] === IGNORED) continue;
      this.sum += Number(predicted[i] > 0) + Number(turned[i] > 0);
      this.both += Number(predicted[i] > 0 && predicted[i] === turned[i]);
    }
  }

  /** Over all classes except the background, and the images of all ranks; 1 if no mask has any. */
  async dice(communicator: Communicator): Promise<number> {
    const counts = Float64Array.of(this.both, this.sum);
    await communicator.allReduce(counts);
    const [both, sum] = counts;
    return sum === 0 ? 1 : (2 * both) / sum;
  }
}
