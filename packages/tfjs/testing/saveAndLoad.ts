import * as tf from "@tensorflow/tfjs";

/** Saves a model to memory and loads it from there. */
export async function saveAndLoad(model: tf.LayersModel): Promise<tf.LayersModel> {
  const saved: tf.io.ModelArtifacts[] = [];
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved.push(artifacts);
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  return tf.loadLayersModel(tf.io.fromMemory(saved[0]));
}
