// The script of the worker.

import { serve } from "./engine/serve.ts";
import type { Port } from "./protocol.ts";

serve(self as unknown as Port);
