// A page in Firefox as its visitors have it, without remote control: under WebDriver BiDi, workers that start workers
// now and then hang, which they do not otherwise. A server in between adds a script to the page, which computes
// expressions for us and reports what the console gets.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** Run in the page: asks for expressions, and sends what they are. */
const AGENT = `(async () => {
  const send = (what, body) => fetch("/agent/" + what, { method: "POST", body: JSON.stringify(body) });
  const shown = console.error;
  console.error = (...values) => (shown(...values), void send("error", values.map(String).join(" ")));
  addEventListener("error", (event) => void send("error", String(event.message || event.target.src || event)), true);
  addEventListener("unhandledrejection", ({ reason }) => void send("error", String(reason)));
  addEventListener("load", async () => {
    for (let n = 0; ; n++) {
      try {
        const asked = await import("/agent/next.js?" + n);
        if ("value" in asked) await send("value", { value: asked.value });
      } catch (error) {
        await send("value", { error: String(error) });
      }
    }
  });
})();`;

/** What is used of a page, whichever the browser. */
export interface BrowserPage {
  goto(address: string): Promise<unknown>;
  /** The value of an expression, awaited. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

interface Answer {
  value?: unknown;
  error?: string;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

/** Takes expressions to the page and values back, one at a time. */
class Exchange {
  private waiting: ((expression: string) => void) | undefined;
  private pending: { expression: string; settle: (answer: Answer) => void } | undefined;

  /** The next expression; an empty one if there is none for some time. */
  next(): Promise<string> {
    if (this.pending) return Promise.resolve(this.pending.expression);
    return new Promise((resolve) => {
      this.waiting = resolve;
      setTimeout(() => resolve(""), 1000);
    });
  }

  answer(answer: Answer): void {
    this.pending?.settle(answer);
    this.pending = undefined;
  }

  evaluate(expression: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the page did not answer for two minutes")), 120_000);
      const settle = ({ value, error }: Answer): void => {
        clearTimeout(timer);
        if (error === undefined) resolve(value);
        else reject(new Error(error));
      };
      this.pending = { expression, settle };
      this.waiting?.(expression);
      this.waiting = undefined;
    });
  }
}

/**
 * A Firefox of its own, with a profile of its own.
 * @param hear takes what the page prints as errors
 */
export async function openInFirefox(
  executable: string,
  hear: (line: string, isError: boolean) => void,
): Promise<BrowserPage> {
  const exchange = new Exchange();
  let origin = "";
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
    switch (pathname) {
      case "/agent/next.js": {
        // A module of the page's own origin: policies forbid eval.
        const expression = (await exchange.next()).replace(/;\s*$/, "");
        const module = expression === "" ? "export {};" : `export const value = await (\n${expression}\n);`;
        response.writeHead(200, { "content-type": "text/javascript" }).end(module);
        return;
      }
      case "/agent/value":
        exchange.answer(JSON.parse(await bodyOf(request)) as Answer);
        response.end();
        return;
      case "/agent/error":
        hear(JSON.parse(await bodyOf(request)) as string, true);
        response.end();
        return;
    }
    const answer = await fetch(origin + pathname + search);
    const headers = Object.fromEntries(
      [...answer.headers].filter(([name]) => /^(content-type|cross-origin)/.test(name)),
    );
    const body = Buffer.from(await answer.arrayBuffer());
    const isPage = headers["content-type"]?.startsWith("text/html");
    response
      .writeHead(answer.status, headers)
      .end(
        isPage ? body.toString("utf8").replace(/(<!doctype html>)?/i, `$1<script>${AGENT}</script>`) : body,
      );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const profile = mkdtempSync(path.join(tmpdir(), "gmr-firefox-"));
  let close = async (): Promise<void> => {};
  return {
    async goto(address) {
      const url = new URL(address);
      origin = url.origin;
      const args = ["--headless", "--no-remote", "--profile", profile];
      const target = `http://127.0.0.1:${port}${url.pathname}${url.search}${url.hash}`;
      const child = spawn(executable, [...args, target], { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.once("error", (error) => hear(String(error), true));
      close = async () => {
        child.kill();
        await ended;
      };
      await exchange.evaluate("document.readyState");
    },
    evaluate: (expression) => exchange.evaluate(expression),
    async close() {
      await close();
      server.closeAllConnections();
      server.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
