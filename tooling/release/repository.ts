// The repository's address in the packages: npm links to it, and provenance demands it. It is not in the work tree, which
// may be a fork's, but filled in for the time of a release.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * Where the repository is on the web: of the workflow that runs this, or else of git's remote `origin`.
 * @throws Error if there is neither
 */
export function repositoryAddress(root: string, env: NodeJS.ProcessEnv = process.env): string {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = env;
  if (server && name) return `${server}/${name}`;
  const remote = originOf(root);
  const address = remote === undefined ? undefined : webAddress(remote);
  if (address !== undefined) return address;
  throw new Error(
    "packages need the address of their repository, and it is unknown: expected GITHUB_SERVER_URL and GITHUB_REPOSITORY, " +
      `or a git remote origin on a server, got ${remote ?? "none"}`,
  );
}

function originOf(root: string): string | undefined {
  try {
    const options = { cwd: root, encoding: "utf8", stdio: "pipe" } as const;
    return execFileSync("git", ["remote", "get-url", "origin"], options).trim();
  } catch {
    return undefined;
  }
}

/** `https://HOST/OWNER/NAME` of a remote, without credentials; undefined if it is on no server. */
export function webAddress(remote: string): string | undefined {
  const [, host, name] =
    /^(?:https?:\/\/|ssh:\/\/)(?:[^@/]+@)?([^/:]+)(?::\d+)?\/(.+)$/.exec(remote) ??
    /^(?:[^@/]+@)?([^/:]{2,}):(?!\/)(.+)$/.exec(remote) ??
    [];
  return host && `https://${host}/${name.replace(/\/?(?:\.git)?\/?$/, "")}`;
}

/**
 * Runs an action while the packages in `folders` (relative to `root`) name their repository; their package.json is as
 * before afterwards.
 */
export async function withRepository<T>(
  root: string,
  folders: readonly string[],
  address: string,
  action: () => Promise<T>,
): Promise<T> {
  const before = folders.map((folder) => {
    const file = path.join(root, folder, "package.json");
    return { folder, file, text: readFileSync(file, "utf8") };
  });
  try {
    for (const { folder, file, text } of before) {
      const fields = {
        repository: { type: "git", url: `git+${address}.git`, directory: folder },
        homepage: `${address}/tree/HEAD/${folder}#readme`,
        bugs: { url: `${address}/issues` },
      };
      writeFileSync(file, `${JSON.stringify({ ...JSON.parse(text), ...fields }, null, 2)}\n`);
    }
    return await action();
  } finally {
    for (const { file, text } of before) writeFileSync(file, text);
  }
}
