import { render } from "preact";
import { keepAnswering } from "./answer.ts";
import { App } from "./app.tsx";
import { load } from "./load.ts";

const place = document.getElementById("app");
if (place) {
  place.replaceChildren();
  render(<App />, place);
  keepAnswering();
  void load().then(keepForOffline);
}

/** For the next visit: without a network, or with threads where the host does not isolate the page. */
function keepForOffline(): void {
  // Some browsers refuse in private windows: the page works all the same.
  navigator.serviceWorker?.register("./sw.js").catch(() => undefined);
}
