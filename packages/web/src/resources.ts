// What the page loads of this package when it needs it. Bundlers copy the worker's script because of this very expression,
// and make chunks of the other two, of which a page usually loads neither.

/** How the parts of the package are loaded. */
export interface Resources {
  /** @throws where the page's policies or the script's origin forbid it */
  startWorker(): Worker;
  /** The worker's text. */
  workerText(): Promise<{ readonly WORKER_GZIP_BASE64: string }>;
  /** The engine, to run in the page. */
  engine(): Promise<{ startEngine(port: MessagePort): void }>;
}

export const resources: Resources = {
  startWorker: () => new Worker(new URL("./worker.js", import.meta.url)),
  workerText: () => import("./prebuilt/workerText.js"),
  engine: () => import("./prebuilt/engine.js"),
};
