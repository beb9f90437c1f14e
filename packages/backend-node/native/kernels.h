// The kernels of one instruction set. Tensors are float32 in row-major order.

#pragma once
#include <stddef.h>
#include <stdint.h>

/** A convolution, in the order of `src/native/plan.ts`. */
typedef struct {
  int32_t images;
  /** The image that is gathered from, the zeros before each of its axes, and the step that spreads out its pixels; inC
   *  and outC are the channels of a group. */
  int32_t inSize[3], inC, padBefore[3], spread[3];
  int32_t outSize[3], outC, strides[3];
  int32_t groups;
  /** Columns between the first and the last that a kernel reads, both included. */
  int32_t extent;
  /** Weight matrices, and those of them that some pixel needs. */
  int32_t matrices, slots;
  /** The sums of rows that taps read from, and all taps. */
  int32_t rows, taps;
  /** Whether the weights are [matrix, outC, groups · inC] instead of [matrix, inC, groups · outC]. */
  int32_t transposed;
  /** For each sum of rows: their number n ≤ 4, then n times plane and row. For each slot: its matrix, the number n of
   *  its taps, then n times sum of rows and column. */
  int32_t tables[];
} Conv;

/** In the order of `Kind` in `src/native/plan.ts`. */
enum {
  FORWARD,
  FILTER_GRADIENT,
  BOTH_GRADIENTS,
  NORM,
  NORM_GRADIENTS,
  NORM_INFERENCE,
  ADD_RELU,
  RELU_GRADIENT,
  SGD,
  ADAMW,
  MIX,
  MIX_SIGMAS,
  SUM,
  MAX_POOL_GRADIENT,
  KINDS
};

/** Runs a kernel: its integers, its inputs up to the first NULL, its outputs. */
typedef void (*Kernel)(const int32_t *plan, const float *const *in, float *const *out);

typedef struct {
  const char *name;
  Kernel run[KINDS];
} Kernels;

/** Those for this processor. */
const Kernels *kernels(void);

/**
 * Memory, aligned to 64 bytes, that keeps its place from call to call.
 * @param slot 0 for what all threads share, 1 + the thread's number for its own
 */
void *scratch(int slot, size_t bytes);
