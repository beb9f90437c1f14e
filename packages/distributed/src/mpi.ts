/** Processes that an MPI launcher has started (Node). */
export { type MpiOptions, openMpi, startedByMpi } from "./mpi/openMpi.ts";
