// For tests in a real browser: finds Chromium, and serves pages to it.

import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

/**
 * Chromium's path, from the environment variable CHROMIUM or a standard location; undefined, with a warning, if none.
 */
export function findChromium(): string | undefined {
  const executable = [
    process.env.CHROMIUM,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
  ].find((file) => file !== undefined && existsSync(file));
  if (!executable) console.warn("Browser tests are skipped: no Chromium (set CHROMIUM to its path).");
  return executable;
}

const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export interface PageServer {
  address: string;
  close(): void;
}

/**
 * Serves folders on a free local port.
 * @param folders by the first part of the path; "" handles everything else
 * @param headers of every response
 */
export async function servePages(
  folders: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<PageServer> {
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const name = pathname.endsWith("/") ? `${pathname.slice(1)}index.html` : pathname.slice(1);
    const [first, ...rest] = name.split("/");
    const file = Object.hasOwn(folders, first)
      ? path.join(folders[first], ...rest)
      : path.join(folders[""], name);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, ...headers }).end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/`, close: () => server.close() };
}
