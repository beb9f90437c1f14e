// TensorFlow.js as the engine needs it: without its WebGL backend, graph models and data pipelines. The build puts it in
// the place of `@tensorflow/tfjs`.

import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import "@tensorflow/tfjs-backend-cpu";

export * from "@tensorflow/tfjs-core";
export * from "@tensorflow/tfjs-layers";
