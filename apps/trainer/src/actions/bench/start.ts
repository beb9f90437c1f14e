import { benchStart } from "../../bench/start.ts";
import { startTable } from "../../bench/tables.ts";
import { type CommonOptions, note, print, printer } from "./common.ts";

interface StartOptions extends CommonOptions {
  threads?: number;
}

export async function start(options: StartOptions): Promise<void> {
  const { backend, threads, repeat, json } = options;
  let count = 0;
  const times = await benchStart({ backend, threads }, repeat, (start) => {
    count++;
    if (!json)
      note(`process ${count} of ${repeat}: first prediction ${start["first prediction"].toFixed(0)} ms`);
  });
  for (const time of times) printer(options)(time);
  print(options, () => startTable(times));
}
