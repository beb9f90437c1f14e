/** Communication between the processes of one training. */
export { type Communicator, type Reduction, singleProcess } from "./communicator.ts";
export { shareOf } from "./share.ts";
