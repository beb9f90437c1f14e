// Exposes the conformance suite to whatever drives this page.

import { useWebGpu, webGpuAdapter } from "@gmr-conv/backend-webgpu";
import { conformanceCases } from "@gmr-conv/tfjs/conformance";
import * as tf from "@tensorflow/tfjs";

let deviceError;

/** Starts the backend and says what it runs on. */
globalThis.start = async () => {
  await useWebGpu();
  tf.backend().device.addEventListener("uncapturederror", (event) => {
    deviceError ??= event.error.message;
  });
  return webGpuAdapter();
};

/** Runs a case of the suite; returns what is wrong, or null. */
globalThis.runCase = async (name, options) => {
  const { run } = conformanceCases(options).find((testCase) => testCase.name === name);
  const error = await run().then(
    () => null,
    (error) => String(error?.stack ?? error),
  );
  await tf.backend().device.queue.onSubmittedWorkDone();
  const wrong = deviceError ?? error;
  deviceError = undefined;
  return wrong;
};
