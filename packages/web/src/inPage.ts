// The engine in the page itself, where no worker starts.

import { serve } from "./engine/serve.ts";
import type { Port } from "./protocol.ts";

/** Starts an engine that listens to a port. */
export function startEngine(port: MessagePort): void {
  serve(port as Port);
  port.start();
}
