// Keeps the page for use without a network, and isolates it where its host does not, so that WebAssembly may use
// threads from the second visit on. What the host has comes first; files in assets/ never change.

const CACHE = `gmr-page ${registration.scope}`;

addEventListener("install", (event) => {
  event.waitUntil(keepAll().then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  event.waitUntil(clients.claim());
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(registration.scope)) {
    event.respondWith(answer(request).then(isolated));
  }
});

/** Keeps the files that `gmr export` lists, and forgets those of earlier exports. */
async function keepAll() {
  const list = await fetch("./files.json", { cache: "no-cache" });
  if (!list.ok) throw new Error(`files.json: ${list.status}`);
  const names = ["./", ...(await list.json())];
  const cache = await caches.open(CACHE);
  const wanted = new Set(names.map((name) => new URL(name, registration.scope).href));
  for (const { url } of await cache.keys()) if (!wanted.has(url)) await cache.delete(url);
  await cache.addAll(names);
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept && request.url.startsWith(`${registration.scope}assets/`)) return kept;
  try {
    const response = await fetch(request);
    if (kept && response.ok) await cache.put(request.url.split("?")[0], response.clone());
    return response;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

function isolated(response) {
  const { status, statusText, headers: own } = response;
  if (status === 0 || response.redirected) return response;
  const headers = new Headers(own);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", "require-corp");
  return new Response(status === 204 || status === 304 ? null : response.body, {
    status,
    statusText,
    headers,
  });
}
