// The process of one network of the registry and one pass.

import { createStored } from "@gmr-conv/models/stored";
import { activeThreads, useBackend } from "../backend.ts";
import type { ModelProcessInput } from "./models.ts";
import { modelRun } from "./networkRun.ts";
import { measureTurn, serve } from "./serve.ts";

await serve(async () => {
  const input: ModelProcessInput = JSON.parse(process.argv[2]); // the only argument
  await useBackend(input.backend, { threads: input.threads });
  const model = createStored({ name: input.name, options: { ...input.options, seed: 1 } });
  const run = modelRun(model, input.batch, input.pass, input.checkpointStages);
  return { threads: activeThreads(), answer: () => measureTurn(run) };
});
