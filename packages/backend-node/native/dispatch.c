#include "kernels.h"

#include <stdlib.h>

#if defined(__x86_64__)
extern const Kernels avx512, avx2;
#else
extern const Kernels generic;
#endif

const Kernels *kernels(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return &avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2;
  return NULL;
#else
  return &generic;
#endif
}
