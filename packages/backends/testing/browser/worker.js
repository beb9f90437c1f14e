import { startAll } from "./starts.js";

postMessage(await startAll());
