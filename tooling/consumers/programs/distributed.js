import { singleProcess } from "@gmr-conv/distributed";
import { openMpi } from "@gmr-conv/distributed/mpi";

const { rank, size } = singleProcess();
const error = await openMpi().then(
  () => undefined,
  ({ code, message }) => ({ code, message }),
);
console.log(JSON.stringify({ rank, size, error }));
