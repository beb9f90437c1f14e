// Run in a page of `gmr export web`: drops its global `image`, a data URI, on it, and returns the shares of its answer.

(async () => {
  async function until(what, found) {
    for (const start = performance.now(); !found(); ) {
      if (performance.now() - start > 60_000) throw new Error(`not there after a minute: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return found();
  }
  await until("the backend", () => document.querySelector("#backend"));
  const bytes = Uint8Array.from(atob(globalThis.image.split(",")[1]), (character) => character.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], "digit.png", { type: "image/png" }));
  for (const type of ["dragover", "drop"]) {
    document.body.dispatchEvent(
      new DragEvent(type, { dataTransfer: dropped, bubbles: true, cancelable: true }),
    );
  }
  const items = await until("an answer", () => {
    const settled = document.querySelector(".answer")?.getAttribute("aria-busy") === "false";
    return settled && document.querySelector(".answer data") && document.querySelectorAll(".answer li");
  });
  const shares = [...items].map((item) => [
    item.querySelector(".name").textContent,
    Number(item.querySelector("data").value),
  ]);
  return { shares: Object.fromEntries(shares), backend: document.querySelector("#backend").value };
})();
