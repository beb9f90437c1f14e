import { render } from "preact";
import { keepAnswering } from "./answer.ts";
import { App } from "./app.tsx";
import { load } from "./load.ts";

const place = document.getElementById("app");
if (place) {
  place.replaceChildren();
  render(<App />, place);
  keepAnswering();
  void load();
}
