import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { STOCK_CLASSES } from "./stockClasses.ts";

it("lists the classes that TensorFlow.js registers, except optimisers and activations", () => {
  const program = `
    import * as tf from "@tensorflow/tfjs";
    const { classNameMap } = tf.serialization.SerializationMap.getMap();
    const optimizer = (name) => classNameMap[name][0].prototype instanceof tf.Optimizer;
    const names = Object.keys(classNameMap).filter((name) => /^[A-Z]/.test(name) && !optimizer(name));
    process.stdout.write("RESULT" + JSON.stringify(names));`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    encoding: "utf8",
    stdio: "pipe",
  });
  expect([...STOCK_CLASSES].sort()).toEqual(JSON.parse(printed.split("RESULT")[1]).sort());
});
