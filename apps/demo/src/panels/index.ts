// The panels of the page, in order. Each is a folder, loaded when it is first opened.

import type { VNode } from "preact";
import { lazy } from "../lazy.tsx";

export interface Panel {
  /** In the address, after #. */
  id: string;
  title: string;
  Component: () => VNode | null;
}

export const PANELS: readonly Panel[] = [
  { id: "turn", title: "Turn it", Component: lazy(() => import("./turn/index.tsx")) },
  { id: "inside", title: "Look inside", Component: lazy(() => import("./inside/index.tsx")) },
  { id: "measure", title: "Measure it", Component: lazy(() => import("./measure/index.tsx")) },
];
