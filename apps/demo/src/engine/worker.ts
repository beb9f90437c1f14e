// The one worker script of the page, so that all workers share their code. What a worker does is loaded when asked for.

import { expose, proxy } from "comlink";

const services = {
  engine: async () => proxy(new (await import("./engine.ts")).Engine()),
  segmenter: async () => proxy(new (await import("../panels/segment/segmenter.ts")).Segmenter()),
  trainer: async () => proxy(new (await import("../panels/train/trainer.ts")).Trainer()),
};

export type Services = typeof services;

expose(services);
