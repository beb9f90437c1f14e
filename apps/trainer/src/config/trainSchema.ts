// The form of the settings of a training.

import type { TrainOptions } from "@gmr-conv/training";
import { z } from "zod";

const count = z.int().min(1);
const positive = z.number().positive();
const belowOne = z.number().min(0).lt(1);
const share = z.number().min(0).max(1);
const range = z.tuple([positive, positive]);

/** How images are read between their pixels. */
export const samplingSchema = {
  interpolation: z.enum(["nearest", "linear", "cubic"]).optional(),
  fill: z
    .union([z.enum(["reflect", "replicate"]), z.number(), z.array(z.number())])
    .optional()
    .describe("pixels outside the images"),
};

const optimizer = z.strictObject({
  name: z
    .enum(["adamw", "adam", "sgd", "adadelta"])
    .optional()
    .describe(
      "adamw and sgd (Nesterov) decouple weight decay from the gradient, adam and adadelta add it to the gradient",
    ),
  learningRate: positive.optional().describe("the largest of the schedule"),
  weightDecay: z.number().min(0).optional().describe("of convolution and dense kernels"),
  momentum: belowOne.optional().describe("momentum, Adam's beta 1 or Adadelta's rho"),
  beta2: belowOne.optional().describe("Adam's beta 2"),
  epsilon: positive.optional(),
  nesterov: z.boolean().optional().describe("for sgd; false is PyTorch's SGD"),
  exclude: z
    .array(z.string())
    .optional()
    .describe("regular expressions on the names of weights that do not decay"),
});

const warmup = share.optional().describe("share of the steps in which the learning rate rises");
const schedule = z.discriminatedUnion("name", [
  z.strictObject({
    name: z.literal("cosine"),
    warmup,
    minimum: share.optional().describe("factor at the end"),
  }),
  z.strictObject({ name: z.literal("constant"), warmup }),
  z.strictObject({ name: z.literal("step"), warmup, every: count.describe("epochs"), factor: positive }),
  z.strictObject({
    name: z.literal("multistep"),
    warmup,
    at: z.array(count).describe("epochs"),
    factor: positive,
  }),
  z.strictObject({
    name: z.literal("onecycle"),
    warmup,
    start: share.optional().describe("factor at the start"),
    minimum: share.optional().describe("factor at the end"),
  }),
]);

const augment = z.strictObject({
  size: z
    .array(count)
    .min(2)
    .max(3)
    .optional()
    .describe("sizes that the network sees, cropped from larger images"),
  translate: z.number().min(0).optional().describe("largest shift to each side in pixels"),
  subpixel: z.boolean().optional().describe("shift by fractions of a pixel"),
  scale: range.optional().describe("magnification"),
  crop: range.optional().describe("share of the image that is cropped and scaled to the whole"),
  rotate: z.number().min(0).optional().describe("largest turn to each side in degrees"),
  flip: z
    .strictObject({ horizontal: share.optional(), vertical: share.optional(), depth: share.optional() })
    .optional()
    .describe("probability of each mirror image"),
  ...samplingSchema,
  colour: z
    .strictObject({
      brightness: z.number().min(0).optional(),
      contrast: z.number().min(0).optional(),
      saturation: z.number().min(0).optional(),
      hue: z.number().min(0).max(0.5).optional(),
      probability: share.optional(),
      grey: share.optional(),
    })
    .optional(),
  blur: z
    .strictObject({ probability: share.optional(), sigma: range.optional(), kernelSize: count.optional() })
    .optional(),
  erase: z
    .strictObject({
      probability: share.optional(),
      area: range.optional(),
      ratio: range.optional(),
      value: z.union([z.literal("noise"), z.number()]).optional(),
    })
    .optional(),
  mixup: z.number().min(0).optional(),
  cutmix: z.number().min(0).optional(),
});

const loss = z.strictObject({
  labelSmoothing: belowOne.optional(),
  classWeights: z.union([z.literal("balanced"), z.array(z.number().min(0))]).optional(),
  diceWeight: z.number().min(0).optional().describe("segmentation: weight of the Dice loss"),
  crossEntropyWeight: z.number().min(0).optional().describe("segmentation: weight of the cross entropy"),
});

/** How networks are trained. Every setting has a default, some by the number of images. */
export const trainSchema = z.strictObject({
  epochs: count.optional().describe("passes over the training images"),
  batchSize: count.optional().describe("images per step"),
  accumulate: count.optional().describe("number of parts to compute a step in"),
  seed: z.int().optional().describe("decides initial weights, order and augmentation"),
  optimizer: optimizer.optional(),
  schedule: schedule.optional(),
  loss: loss.optional(),
  sampling: z.enum(["shuffle", "balanced"]).optional(),
  augment: augment.optional(),
  normalization: z
    .strictObject({ mean: z.array(z.number()), std: z.array(positive) })
    .optional()
    .describe("standardisation of each channel"),
  clipNorm: positive.optional().describe("scale gradients down to this norm"),
  ema: belowOne.optional().describe("decay of moving averages of the weights, which are used after training"),
  checkpointStages: z.boolean().optional().describe("less memory, stages computed twice"),
  syncBatchNorm: z
    .boolean()
    .optional()
    .describe("with several processes: normalise batches as a whole, not each part by itself"),
  validateEvery: count.optional().describe("epochs between validations"),
  validationLimit: count.optional().describe("number of images to validate on"),
  earlyStopping: z
    .strictObject({ patience: count, minimumGain: z.number().min(0).optional() })
    .optional()
    .describe("end after `patience` validations without a better one"),
  select: z
    .enum(["best", "last"])
    .optional()
    .describe("weights to end with: best on the validation images, or last"),
  refreshNorms: z.boolean().optional().describe("re-estimate statistics of normalisation at the end"),
  checkpointSeconds: positive.optional(),
  keepCheckpoints: z.int().min(1).max(100).optional().describe("how many of the last checkpoints to keep"),
  retrySeconds: z
    .number()
    .min(0)
    .optional()
    .describe("for how long to try again if the last checkpoint cannot be written"),
  keepEvery: count.optional().describe("epochs between checkpoints that are kept"),
}) as z.ZodType<TrainOptions> & z.ZodObject;
