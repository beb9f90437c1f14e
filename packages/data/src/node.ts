/** Data sets from files, for Node. */
export { type LoadMnistOptions, loadMnist, type MnistSplits } from "./loadMnist.ts";
