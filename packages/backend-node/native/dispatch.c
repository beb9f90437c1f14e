#include "kernels.h"

#include <stdlib.h>
#include <string.h>

extern const Kernels generic;
#if defined(__x86_64__)
extern const Kernels avx512, avx2;
#endif

const Kernels *kernels(void) {
#if defined(__x86_64__)
  // Only for tests of the kernels for older processors.
  const char *wanted = getenv("GMR_INSTRUCTIONS");
  int any = wanted == NULL;
  __builtin_cpu_init();
  int hasAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  int hasAvx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
  if (hasAvx512 && (any || strcmp(wanted, "avx512") == 0)) return &avx512;
  if (hasAvx2 && (any || strcmp(wanted, "avx2") == 0)) return &avx2;
#endif
  return &generic;
}
