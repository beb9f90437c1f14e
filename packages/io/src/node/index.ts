export { readFileBytes, removeTemporaries, writeFileAtomically } from "./files.ts";
export { layersModelFiles, readLayersModel, writeLayersModel } from "./layersModelFiles.ts";
