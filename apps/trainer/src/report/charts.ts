// What draws the charts of reports.

import { reasonOf } from "@gmr-conv/core";
import { findOptional, type OptionalPackage } from "@gmr-conv/data/node";

export const ECHARTS: OptionalPackage = { name: "echarts", version: "6.1.0", user: "a page with charts" };

/** Why pages with charts cannot be written here; undefined if they can. */
export function whyNoCharts(): string | undefined {
  try {
    findOptional(ECHARTS, "echarts/core", import.meta.url);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
