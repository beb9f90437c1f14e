// Sums over the middle axis of x [outer, length, inner], added up as in normalisation.c.

#include "normalisation.c"

/** Lengths that are added up in one go. */
#define SHORT 16
/** The same for neighbours, in units of vectors. */
#define SHORT_VECTORS 64
/** Numbers that a thread takes at a time. */
#define SUM_CHUNK (1 << 14)

typedef struct {
  int outer, length, inner, chunk;
  float scale;
  const float *x;
  float *y;
} Sum;

static void sumShort(void *context, int begin, int end, int thread) {
  const Sum *s = context;
  int first = begin * s->chunk, last = least(s->outer, end * s->chunk);
  for (int o = first; o < last; o++) {
    const float *restrict x = s->x + (size_t)o * s->length * s->inner;
    float *restrict y = s->y + (size_t)o * s->inner;
    if (s->inner == 1) {
      Vector sums = {0};
      int i = 0;
      for (; i + LANES <= s->length; i += LANES) sums += *(const Vector *)(x + i);
      double sum = 0;
      for (int v = 0; v < LANES; v++) sum += sums[v];
      for (; i < s->length; i++) sum += x[i];
      *y = (float)(sum * s->scale);
      continue;
    }
    for (int i = 0; i < s->inner; i++) y[i] = x[i];
    for (int l = 1; l < s->length; l++) {
      for (int i = 0; i < s->inner; i++) y[i] += x[(size_t)l * s->inner + i];
    }
    for (int i = 0; i < s->inner; i++) y[i] *= s->scale;
  }
  (void)thread;
}

static void sumParts(void *context, int begin, int end, int thread) {
  Norm *n = context;
  for (int index = begin; index < end; index++) {
    float *sums = sumsOf(n, index);
    memset(sums, 0, sizeof(float) * n->lanes);
    addRowsOf(PLAIN, n, partOf(n, index), sums, sums, NULL);
  }
  (void)thread;
}

/** scale · Σ x[outer, :, inner]; plan: outer, length, inner, scale. */
static void sum(const int32_t *plan, const float *const *in, float *const *out) {
  Sum s = {.outer = plan[0], .length = plan[1], .inner = plan[2], .scale = floatOf(plan[3]), .x = in[0], .y = out[0]};
  if (s.length <= SHORT || (s.inner == 1 && s.length <= SHORT_VECTORS * LANES)) {
    s.chunk = most(1, SUM_CHUNK / most(1, s.length * s.inner));
    parallel(sumShort, &s, (s.outer + s.chunk - 1) / s.chunk, 0);
    return;
  }
  const NormPlan shape = {s.outer, s.length, s.inner, 0, 0};
  Norm n = normOf(&shape, s.x, NULL);
  allocate(&n);
  shareParts(sumParts, &n);
  for (int set = 0; set < n.sets; set++) {
    for (int c = 0; c < n.channels; c++) {
      double total = 0;
      for (int p = 0; p < n.parts; p++) {
        int index = set * n.parts + p, lanes = partOf(&n, index).lanes;
        for (int lane = c; lane < lanes; lane += n.channels) total += sumsOf(&n, index)[lane];
      }
      s.y[(size_t)set * n.channels + c] = (float)(total * s.scale);
    }
  }
}
