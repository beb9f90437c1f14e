// Where the program runs. Queried at the moment of use: bundles and test environments change `process` after the start.

interface HostProcess {
  readonly versions?: { readonly node?: string };
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly getBuiltinModule?: unknown;
  /** Electron's type of process: "browser" is the main one, "renderer" a page. */
  readonly type?: string;
}

const hostProcess = (): HostProcess | undefined => (globalThis as { process?: HostProcess }).process;

/**
 * Whether Node's modules are available by `process.getBuiltinModule`: in Node, Deno, Bun and Electron's main process.
 * Not in pages, though bundlers and Electron may give them a `process`.
 */
export function isNode(): boolean {
  const host = hostProcess();
  if (host?.versions?.node === undefined || typeof host.getBuiltinModule !== "function") return false;
  return host.type !== "renderer" && host.type !== "worker";
}

/** The value of an environment variable; undefined if there are none, or reading them is not permitted (Deno). */
export function environmentVariable(name: string): string | undefined {
  try {
    return hostProcess()?.env?.[name];
  } catch {
    return undefined;
  }
}
