// Ours over theirs.

import type { LayerTime, NetworkTime, Ratio } from "./measurements.ts";

/** The ratios of each GMR measurement to those of other implementations with the same shapes and pass. */
export function ratios(times: readonly (LayerTime | NetworkTime)[]): Ratio[] {
  return times.flatMap((ours) => {
    if (ours.impl !== "gmr") return [];
    return times.filter((peer) => peer.impl !== "gmr" && same(ours, peer)).map((peer) => ratio(ours, peer));
  });
}

function same(a: LayerTime | NetworkTime, b: LayerTime | NetworkTime): boolean {
  if (a.kind === "network" && b.kind === "network") return a.model === b.model && a.pass === b.pass;
  if (a.kind === "network" || b.kind === "network") return false;
  return a.kind === b.kind && a.k === b.k && a.pass === b.pass;
}

function ratio(ours: LayerTime | NetworkTime, peer: LayerTime | NetworkTime): Ratio {
  return {
    kind: "ratio",
    of: ours.kind === "network" ? "network" : "layer",
    ...(ours.kind === "network" ? { model: ours.model } : { k: ours.k }),
    pass: ours.pass,
    impl: "gmr",
    peer: peer.impl,
    threads: ours.threads,
    peerThreads: peer.threads,
    ratio: round(ours.ms / peer.ms),
    ...(ours.kind === "network" && peer.kind === "network"
      ? { peakRatio: round(ours.peakMB / peer.peakMB) }
      : {}),
  };
}

const round = (value: number): number => Number(value.toPrecision(3));
