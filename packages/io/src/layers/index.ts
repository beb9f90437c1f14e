export { type LoadOptions, type LoadReport, loadStateDict, stateDictOf } from "./stateDict.ts";
