import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";

const PROGRAM = `
import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
const { artifacts, inputs } = JSON.parse(readFileSync(process.argv[1], "utf8"));
artifacts.weightData = Uint8Array.from(Buffer.from(artifacts.weightData, "base64")).buffer;
const model = await tf.loadLayersModel(tf.io.fromMemory(artifacts));
const x = inputs.map(({ values, shape }) => tf.tensor(values, shape));
const y = [model.predict(x.length === 1 ? x[0] : x)].flat();
process.stdout.write("RESULT" + JSON.stringify(y.map((t) => ({ values: Array.from(t.dataSync()), shape: t.shape }))));
`;

/** Saves a model, and loads and runs it in a process that imports nothing but `@tensorflow/tfjs`. */
export async function predictInPlainTfjs(model: tf.LayersModel, inputs: tf.Tensor[]): Promise<tf.Tensor[]> {
  const saved: tf.io.ModelArtifacts[] = [];
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved.push(artifacts);
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  const weightData = Buffer.from(saved[0].weightData as ArrayBuffer).toString("base64");
  const folder = mkdtempSync(join(tmpdir(), "gmr-plain-"));
  try {
    const file = join(folder, "model.json");
    const given = inputs.map((x) => ({ values: Array.from(x.dataSync()), shape: x.shape }));
    writeFileSync(file, JSON.stringify({ artifacts: { ...saved[0], weightData }, inputs: given }));
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", PROGRAM, file], {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      encoding: "utf8",
      stdio: "pipe",
    });
    const results: { values: number[]; shape: number[] }[] = JSON.parse(printed.split("RESULT")[1]);
    return results.map(({ values, shape }) => tf.tensor(values, shape));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
