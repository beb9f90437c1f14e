// The command line, quoted for typing it again.

/** `gmr` with the arguments of this process. */
export function commandLine(args: readonly string[] = process.argv.slice(2)): string {
  return ["gmr", ...args.map(quoted)].join(" ");
}

const quoted = (text: string): string =>
  /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
