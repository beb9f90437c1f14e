/** What training needs from Node. */
export { FileStorage } from "./storage/files.ts";
