// The command line. A new command is a file in commands/ and a line here.

import { Command } from "commander";
import { addBench } from "./commands/bench.ts";
import { addConvert } from "./commands/convert.ts";
import { addData } from "./commands/data.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEval } from "./commands/eval.ts";
import { addExport } from "./commands/export.ts";
import { addInfo } from "./commands/info.ts";
import { addModels } from "./commands/models.ts";
import { addParity } from "./commands/parity.ts";
import { addPredict } from "./commands/predict.ts";
import { addPublish } from "./commands/publish.ts";
import { addQuickstart } from "./commands/quickstart.ts";
import { addReport } from "./commands/report.ts";
import { addScale } from "./commands/scale.ts";
import { addSchema } from "./commands/schema.ts";
import { addSweep } from "./commands/sweep.ts";
import { addTrain } from "./commands/train.ts";
import { ownVersion } from "./environment.ts";
import { terminalWidth } from "./terminal.ts";

export function makeProgram(): Command {
  const program = new Command("gmr")
    .description("Gaussian Mixture Ring Convolution: networks that read an image the same at any rotation.")
    .version(ownVersion())
    .option("--debug", "show the stack trace of errors", false)
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => command.name(),
      minWidthToWrap: 20,
    })
    .configureOutput({
      getOutHelpWidth: () => terminalWidth(process.stdout),
      getErrHelpWidth: () => terminalWidth(process.stderr),
    })
    .showHelpAfterError("(add --help for the options)");
  addQuickstart(program);
  addTrain(program);
  addEval(program);
  addPredict(program);
  addReport(program);
  addSweep(program);
  addData(program);
  addSchema(program);
  addModels(program);
  addConvert(program);
  addPublish(program);
  addExport(program);
  addParity(program);
  addBench(program);
  addScale(program);
  addInfo(program);
  addDoctor(program);
  return program;
}
