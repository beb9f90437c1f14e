// What the kernels of one instruction set share. LANES: floats in a vector.

#pragma once
#include "kernels.h"
#include "parallel.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t Mask __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

INLINE int least(int a, int b) { return a < b ? a : b; }
INLINE int most(int a, int b) { return a > b ? a : b; }
INLINE int roundUp(int a, int step) { return (a + step - 1) / step * step; }

/** The float whose bits are in a plan. */
INLINE float floatOf(int32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/** Negative numbers times `slope`; 0 is a rectifier, also of -∞. */
INLINE float rectify(float v, float slope, int isRelu) { return v < 0 ? (isRelu ? 0 : v * slope) : v; }
