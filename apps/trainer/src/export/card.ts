// What an exported network says of itself: what it was trained on, and how well it does.

import { summarizeAngles } from "@gmr-conv/core/equivariance";
import type { ModelCard } from "@gmr-conv/models";
import type { NetworkAccuracy, NetworkCard } from "@gmr-conv/web/description";
import type { z } from "zod";
import { ownVersion } from "../environment.ts";
import type { RunFolder } from "../runs/runFolder.ts";
import { parseJson, reportSchema } from "../runs/schemas.ts";

/** The source of data sets that are read from the user's files. */
const OWN_IMAGES = "your own";

const software = (): string => `gmr ${ownVersion()}`;

/** The card of a network that comes with the package. */
export function cardOfPretrained(card: ModelCard): NetworkCard {
  const { upright, mean, worst, worstAngle, mirrored, angles } = card.accuracy;
  const { name, source, licence, test } = card.data;
  return {
    title: card.name,
    text: card.description,
    parameters: card.parameters,
    data: { name, source, licence },
    accuracy: { score: "accuracy", images: test, upright, mean, worst, worstAngle, mirrored, angles },
    created: new Date().toISOString(),
    software: software(),
    licence: card.licence,
  };
}

/**
 * The card of a run's network, with the figures of the run's evaluation if that was of the same weights.
 * @param digest of the weights
 */
export async function cardOfRun(
  run: RunFolder,
  name: string | undefined,
  digest: string,
  parameters: number,
): Promise<NetworkCard> {
  const { config, network } = await run.network(name);
  const { title, source, licence } = config.data;
  const bytes = await run.read("report.json");
  const report = bytes && parseJson(bytes, run.file("report.json"), reportSchema);
  const evaluated = report?.networks.find((entry) => entry.name === network.name && entry.weights === digest);
  return {
    title: config.title,
    text: trainingOf(network, config.data),
    parameters,
    data: { name: title, source, licence },
    ...(report && evaluated && { accuracy: figuresOf(report.score, evaluated, report.dataset.test) }),
    created: new Date().toISOString(),
    software: software(),
  };
}

/** What a network was trained on, in words. Images that came without turns may have been turned in training. */
function trainingOf(
  { label, train }: RunNetwork,
  { title, source }: { title: string; source: string },
): string {
  const turned = (train.augment?.rotate ?? 0) > 0;
  const images = `${turned ? "images" : "upright images"}${source === OWN_IMAGES ? "" : ` of ${title}`}`;
  return `${label}, trained on ${images}${turned ? `, turned by up to ${train.augment?.rotate}°` : ""}`;
}

type RunNetwork = Awaited<ReturnType<RunFolder["network"]>>["network"];

type Evaluated = z.output<typeof reportSchema>["networks"][number];

function figuresOf(
  score: NetworkAccuracy["score"],
  { upright, angles, flips }: Evaluated,
  images: number,
): NetworkAccuracy {
  // Volumes are turned about several axes, and each angle counts once for each.
  const summary = summarizeAngles(angles.map((entry) => ({ angle: entry.angle, accuracy: entry.score })));
  const { mean, worst, worstAngle } = summary;
  return {
    score,
    images,
    upright: upright.score,
    mean,
    worst,
    worstAngle,
    ...(flips.length > 0 && { mirrored: flips.map((flip) => flip.score) }),
    angles: angles.map((entry) => [entry.angle, entry.score] as const),
  };
}
