export { type ExportOnnxOptions, exportOnnx } from "./exportOnnx.ts";
