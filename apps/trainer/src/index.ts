/** The `gmr` command as a value: `await makeProgram().parseAsync(["train", …], { from: "user" })` runs one. */
export { makeProgram } from "./program.ts";
