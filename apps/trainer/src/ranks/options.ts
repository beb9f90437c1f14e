import { type Command, Option } from "commander";
import { positiveNumber } from "../commands/options.ts";

/** The options of a command that several processes can do together. */
export interface RankFlags {
  distributed: "none" | "mpi";
  rankTimeout: number;
}

export function addRankFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--distributed <how>", "share the work with the other processes that mpirun or srun started")
        .choices(["none", "mpi"])
        .default("none"),
    )
    .option(
      "--rank-timeout <seconds>",
      "end the job when a rank has kept the others waiting for this long",
      positiveNumber,
      120,
    );
}
