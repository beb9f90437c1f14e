// Run in the page of apps/demo: goes through the panels as a visitor does, and returns what they show.

(async () => {
  const find = (selector) => document.querySelector(selector);
  const text = (selector) => find(selector)?.textContent ?? "";
  const numbers = (selector) =>
    [...document.querySelectorAll(selector)].map((node) => Number(/[\d.]+/.exec(node.textContent)?.[0]));

  async function until(what, holds) {
    for (const start = performance.now(); !holds(); ) {
      if (performance.now() - start > 60_000) throw new Error(`not so after a minute: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  async function panel(name, shows) {
    location.hash = name;
    await until(`the panel ${name} shows ${shows}`, () => find(shows));
  }
  const press = (key) => find(".dial").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const percentages = () => ({ gmr: numbers(".gmr .bar-value"), dense: numbers(".dense .bar-value") });

  await panel("turn", ".turn[data-read]");
  await until("the digit turns by itself", () => Number(find(".turn").dataset.read) > 10);
  press("Home");
  const turn = {};
  for (const angle of [0, 45, 90]) {
    await until(`the networks read ${angle}°`, () => Number(find(".turn").dataset.read) === angle);
    turn[angle] = percentages();
    press("PageUp");
  }

  await panel("segment", "[data-agreement=gmr]");
  await until("a mask", () => /^\d/.test(text("[data-agreement=gmr]")));
  press("Home");
  await until("the same mask at 0°", () => text("[data-agreement=gmr]") === "100.0 %");
  press("PageUp");
  await until(
    "a mask between the pixels",
    () => /^\d/.test(text("[data-agreement=gmr]")) && text("[data-agreement=gmr]") !== "100.0 %",
  );
  press("PageUp");
  await until("the same mask at 90°", () => text("[data-agreement=gmr]") === "100.0 %");
  const segment = { dense: numbers("[data-agreement=dense]") };

  await panel("inside", ".map-row canvas");
  await until("how well the layers turn", () =>
    /rounding .* at quarter turns/.test(text(".maps figcaption")),
  );

  await panel("train", ".train .primary:not(:disabled)");
  find(".train .primary").click();
  const steps = () => ({ gmr: Number(text("[data-step=gmr]")), dense: Number(text("[data-step=dense]")) });
  await until("steps of both networks", () => steps().gmr >= 3 && steps().dense >= 3);
  find(".train .primary").click();
  await until("a pause", () => /Go on/.test(text(".train .primary")));
  return { turn, segment, steps: steps(), backend: find(".status select").value };
})();
