// Charts are loaded when the first one is drawn, after the page itself.

import { h, type VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { scheme } from "./theme.ts";

export type ChartOption = import("./echarts.ts").ChartOption;

interface Props {
  /** Makes the option with the colours of the current theme. */
  option: (colours: Colours) => ChartOption;
  /** What the chart shows, in words. */
  label: string;
  class?: string;
}

/** The page's colours by their names in the style sheet. */
export interface Colours {
  text: string;
  muted: string;
  line: string;
  gmr: string;
  dense: string;
}

/** A chart that follows its option, its size and the theme. */
export function Chart({ option, label, class: name = "" }: Props): VNode {
  const element = useRef<HTMLDivElement>(null);
  const drawn = useRef<{ update(option: ChartOption): void } | undefined>(undefined);
  const latest = useRef(option);
  latest.current = option;
  const theme = scheme.value;

  useEffect(() => {
    let closed = false;
    let close = (): void => {};
    void import("./echarts.ts").then(({ init }) => {
      if (closed || !element.current) return;
      const chart = init(element.current, null, { renderer: "svg" });
      const resized = new ResizeObserver(() => chart.resize());
      resized.observe(element.current);
      drawn.current = {
        update: (next) => chart.setOption({ animation: false, ...next }, { notMerge: true }),
      };
      drawn.current.update(latest.current(colours(element.current)));
      close = () => {
        resized.disconnect();
        chart.dispose();
      };
    });
    return () => {
      closed = true;
      drawn.current = undefined;
      close();
    };
  }, []);

  useEffect(() => {
    if (element.current) drawn.current?.update(option(colours(element.current)));
  }, [option, theme]);

  return h("div", { ref: element, class: `chart ${name}`, role: "img", "aria-label": label });
}

function colours(element: Element): Colours {
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: of("--text"),
    muted: of("--muted"),
    line: of("--line"),
    gmr: of("--gmr"),
    dense: of("--dense"),
  };
}
