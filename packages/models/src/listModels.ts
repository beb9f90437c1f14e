import { type ModelCost, modelCost } from "./cost.ts";
import { createModel, describeModel, MODEL_NAMES, type ModelName } from "./registry.ts";

/** A network as {@link listModels} describes it. */
export interface ModelInfo extends Omit<ModelCost, "layers"> {
  name: ModelName;
  description: string;
  /** [...sizes, channels] of the input that the counts apply to. */
  inputShape: readonly number[];
  classes: number;
}

/** What is known from an earlier list. */
const LISTED = new Map<ModelName, ModelInfo>();

/**
 * Describes networks, with parameters, multiply-adds and receptive field for a typical input. Builds each of them once,
 * which takes a moment.
 * @param names all by default
 */
export function listModels(names: readonly ModelName[] = MODEL_NAMES): ModelInfo[] {
  return names.map((name) => {
    const known = LISTED.get(name) ?? describe(name);
    LISTED.set(name, known);
    return { ...known };
  });
}

function describe(name: ModelName): ModelInfo {
  const { description, example } = describeModel(name);
  const model = createModel(name, { ...example, seed: 0 } as never);
  const { layers: _, ...cost } = modelCost(model);
  model.dispose();
  return { name, description, ...example, ...cost };
}
