import "@fontsource-variable/instrument-sans/wght.css";
import "@fontsource-variable/newsreader/wght.css";
import "./style.css";
import { render } from "preact";
import { App } from "./App.tsx";
import { engine } from "./engine/client.ts";

engine().catch(() => undefined); // the page says what is wrong

render(<App />, document.getElementById("app")!);

if (import.meta.env.PROD && "serviceWorker" in navigator) {
  // Not needed for anything but the next visit.
  navigator.serviceWorker.register(new URL("sw.js", document.baseURI)).catch(() => undefined);
}
