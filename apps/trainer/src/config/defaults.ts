// Networks sized for the images, if a configuration names none.

import { GmrError } from "@gmr-conv/core";
import type { Dataset } from "@gmr-conv/data";
import type { ModelSpec } from "./schema.ts";

/** The choices of `--networks`: the GMR network and its dense twin. */
const NETWORK_KINDS = ["gmr", "dense"] as const;
export type NetworkKind = (typeof NETWORK_KINDS)[number];

export const LABELS: Readonly<Record<NetworkKind, string>> = { gmr: "GMR", dense: "Dense twin" };

/** A network of a kind for the images of a data set: small enough for a CPU, flat over all angles. */
export function defaultModel(kind: NetworkKind, { shape, task }: Pick<Dataset, "shape" | "task">): ModelSpec {
  const side = Math.min(...shape.slice(0, -1));
  if (task === "segmentation") {
    const levels = side >= 64 ? 3 : 2;
    return {
      name: `${kind}-unet`,
      levels,
      features: [...[16, 24, 32, 48].slice(0, levels + 1), 16],
      ...(kind === "gmr" ? { kernelSizes: [9, 9, 5, 5].slice(0, levels + 1) } : {}),
    };
  }
  if (shape.length === 4) {
    return {
      name: `${kind}-r3d9`,
      widths: [12, 16, 24, 32],
      stemKernelSize: kind === "gmr" ? 5 : 3,
      ...(kind === "gmr" ? { kernelSizes: [5, 5, 3, 3] } : {}),
    };
  }
  const small = side <= 40;
  return {
    name: `${kind}-resnet18`,
    depths: small ? [2, 2, 2] : [1, 1, 1, 1],
    widths: small ? [16, 24, 40] : [16, 24, 40, 64],
    strides: small ? [1, 1, 2] : [1, 2, 2, 2],
    stemPool: true,
    pooling: "blur",
    fieldOfView: "disc",
    headNorm: true,
    ...(kind === "gmr" ? { kernelSizes: small ? [5, 5, 5] : [9, 9, 5, 5] } : {}),
  };
}

/** The kinds named in a list such as `gmr,dense`. @throws GmrError `invalid-argument` */
export function kindsNamed(names: readonly string[]): NetworkKind[] {
  return names.map((name, i) => {
    if (names.indexOf(name) < i)
      throw new GmrError("invalid-argument", `network ${JSON.stringify(name)} is named twice`);
    const kind = NETWORK_KINDS.find((known) => known === name);
    if (kind) return kind;
    throw new GmrError("invalid-argument", `network ${JSON.stringify(name)}: expected "gmr" or "dense"`);
  });
}
