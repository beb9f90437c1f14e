// Threads that share loops.

#pragma once

/** Work on units [begin, end); `thread` counts from 0 to threads() - 1, and each runs one range at a time. */
typedef void (*Work)(void *context, int begin, int end, int thread);

/** How many threads share a loop: TF_NUM_INTRAOP_THREADS as for TensorFlow's own ops, else the processors. */
int threads(void);

/** Runs work on [0, units), a few units at a time, on all threads or, if `isSmall`, on this one. Not reentrant. */
void parallel(Work work, void *context, int units, int isSmall);
