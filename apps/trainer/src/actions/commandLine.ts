// Command lines, quoted for typing them again.

/**
 * `gmr` with the arguments of this process, or with others. Where something else starts the command, such as the scripts
 * of a clone, the environment variable GMR_COMMAND says how.
 */
export function commandLine(args: readonly string[] = process.argv.slice(2)): string {
  return [process.env.GMR_COMMAND || "gmr", ...args.map(quoted)].join(" ");
}

const quoted = (text: string): string =>
  /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** Arguments without some options: `values` are followed by a value, `flags` are not. */
export function withoutOptions(
  args: readonly string[],
  values: readonly string[],
  flags: readonly string[] = [],
): string[] {
  return args.filter((arg, i) => {
    const isValue = i > 0 && values.includes(args[i - 1]);
    return !isValue && !values.includes(arg.split("=")[0]) && !flags.includes(arg);
  });
}

/**
 * The commands that repeat a training, one a line, once it continues with another: a plain `--resume` adds nothing,
 * since a training that was interrupted ends like one that was not.
 * @param before those so far; empty for a new training
 */
export function trainingCommands(before: string, args: readonly string[] = process.argv.slice(2)): string {
  const command = commandLine(args);
  if (before === "" || !args.includes("--resume")) return command;
  const changes = withoutOptions(args.slice(1), ["--name", "--runs"], ["--resume"]);
  return changes.length === 0 || before.split("\n").includes(command) ? before : `${before}\n${command}`;
}
