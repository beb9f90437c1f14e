// Apache ECharts, an optional package: whoever imports this module gets its charts, or the reason why not.

import { importOptional } from "@gmr-conv/data/node";
import { ECHARTS } from "./charts.ts";

const load = <T>(module: string): Promise<T> => importOptional(ECHARTS, module, import.meta.url);

export const { LineChart } = await load<typeof import("echarts/charts")>("echarts/charts");
export const { GridComponent, PolarComponent } =
  await load<typeof import("echarts/components")>("echarts/components");
export const { init, use } = await load<typeof import("echarts/core")>("echarts/core");
export const { SVGRenderer } = await load<typeof import("echarts/renderers")>("echarts/renderers");
