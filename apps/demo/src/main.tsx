import "@fontsource-variable/instrument-sans/wght.css";
import "@fontsource-variable/newsreader/wght.css";
import "./style.css";
import { render } from "preact";
import { App } from "./App.tsx";
import { engine } from "./engine/client.ts";

render(<App />, document.getElementById("app")!);

engine()
  .catch(() => undefined) // the page says what is wrong
  .then(keepOffline);

/** Once the page works: the service worker fetches every file of it. */
async function keepOffline(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register(new URL("sw.js", document.baseURI)).catch(() => undefined);
}
