// One rank: does what its argument says, and prints what came of it as one line of JSON.

import { openMpi } from "@gmr-conv/distributed/mpi";

const { work, timeout, rank: which } = JSON.parse(process.argv[2]);
const communicator = await openMpi({ timeout });
const { rank, size, localRank, localSize, name } = communicator;
const print = (found) => process.stdout.write(`${JSON.stringify({ rank, ...found })}\n`);

if (work === "exchange") {
  const sum = Float32Array.of(rank, 1);
  await communicator.allReduce(sum);
  const most = Float64Array.of(rank, -rank);
  communicator.allReduceNow(most, "max");
  // Several at a time, of shared and of copied arrays, one of them long.
  const many = Array.from({ length: 20 }, (_, i) =>
    (i % 2 === 0 ? communicator.shared(1000) : new Float32Array(1000)).fill(i + rank),
  );
  const long = communicator.shared(3_000_000).fill(rank + 1);
  await Promise.all([...many, long].map((values) => communicator.allReduce(values)));
  const text = new TextEncoder().encode("from rank 0, €");
  const heard = await communicator.broadcast(rank === 0 ? text : undefined);
  const nothing = await communicator.broadcast(rank === 0 ? new Uint8Array(0) : undefined, true);
  const parts = await communicator.gather(new Uint8Array(3 * rank).fill(rank));
  print({
    size,
    localRank,
    localSize,
    name,
    sum: [...sum],
    most: [...most],
    many: many.map((values) => [values[0], values[999]]),
    long: [long[0], long[2_999_999]],
    heard: new TextDecoder().decode(heard),
    nothing: nothing.length,
    parts: parts?.map((bytes) => [...bytes]),
  });
} else if (work === "loop" && rank === which) {
  for (;;); // This thread never asks again.
} else if (work === "sleep" && rank === which) {
  await new Promise((resolve) => setTimeout(resolve, 1e6));
} else if (work === "patience") {
  // Rank 0 takes longer than the time limit, and the others wait for it.
  if (rank === 0) await new Promise((resolve) => setTimeout(resolve, 1000 * timeout + 1500));
  await communicator.broadcast(rank === 0 ? Uint8Array.of(1) : undefined, true);
  print({ waited: true });
} else if (work === "abort" && rank === which) {
  communicator.abort("out of film");
} else if (work === "die" && rank === which) {
  process.kill(process.pid, "SIGKILL");
} else {
  await communicator.allReduce(new Float32Array(1));
  print({ unexpected: true });
}
await communicator.close();
