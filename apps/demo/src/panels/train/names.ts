import type { NetworkName } from "../../engine/types.ts";

export const NAMES: Readonly<Record<NetworkName, string>> = { gmr: "GMR network", dense: "Dense twin" };
