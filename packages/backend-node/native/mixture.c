// The Gaussian mixture of ring weights and its gradients: G[r][l] = exp(-½((l - r)/σ_r)²) / (norm · σ_r).

#include "common.h"

#include <stdlib.h>

/** Columns of the weights that stay in the first cache. */
#define COLUMNS 1024

typedef struct {
  int32_t rings, columns, transposed;
  int32_t norm, lowest, highest;
} MixPlan;

typedef struct {
  int rings, columns;
  /** [to][from] */
  const float *matrix;
  const float *in;
  const float *other;
  float *out;
  /** Sums of products, [part][rings][rings]. */
  double *dots;
} Mix;

/** σ in float32, as its bounds are compared with; NaN stays NaN. */
static float sigmaOf(const MixPlan *plan, float log) {
  float sigma = (float)exp((double)log), lowest = floatOf(plan->lowest), highest = floatOf(plan->highest);
  return sigma < lowest ? lowest : sigma > highest ? highest : sigma;
}

static double gaussian(const MixPlan *plan, double sigma, int distance) {
  return exp(-0.5 * distance * distance / (sigma * sigma)) / (sigma * floatOf(plan->norm));
}

static void mixColumns(void *context, int begin, int end, int thread) {
  Mix *m = context;
  for (int chunk = begin; chunk < end; chunk++) {
    int first = chunk * COLUMNS, count = least(COLUMNS, m->columns - first);
    for (int l = 0; l < m->rings; l++) {
      float *restrict to = m->out + (size_t)l * m->columns + first;
      for (int r = 0; r < m->rings; r++) {
        const float *restrict from = m->in + (size_t)r * m->columns + first;
        const float factor = m->matrix[l * m->rings + r];
        if (r == 0) for (int i = 0; i < count; i++) to[i] = factor * from[i];
        else for (int i = 0; i < count; i++) to[i] += factor * from[i];
      }
    }
  }
  (void)thread;
}

/** out[l] = Σ_r G[r][l] in[r], or out[r] = Σ_l G[r][l] in[l], of a matrix [rings, columns] and log σ [rings]. */
static void mix(const int32_t *integers, const float *const *in, float *const *out) {
  const MixPlan *plan = (const MixPlan *)integers;
  const int rings = plan->rings, size = plan->columns;
  float *matrix = scratch(0, sizeof(float) * rings * rings);
  for (int r = 0; r < rings; r++) {
    double sigma = sigmaOf(plan, in[1][r]);
    for (int l = 0; l < rings; l++) {
      matrix[plan->transposed ? r * rings + l : l * rings + r] = (float)gaussian(plan, sigma, abs(l - r));
    }
  }
  Mix m = {.rings = rings, .columns = size, .matrix = matrix, .in = in[0], .out = out[0]};
  parallel(mixColumns, &m, (size + COLUMNS - 1) / COLUMNS, (size_t)size * rings * rings < 100000);
}

/** The products of one chunk of columns, in float32, added up in float64. */
static void dotColumns(void *context, int begin, int end, int thread) {
  Mix *m = context;
  for (int chunk = begin; chunk < end; chunk++) {
    int first = chunk * COLUMNS, count = least(COLUMNS, m->columns - first);
    double *dots = m->dots + (size_t)chunk * m->rings * m->rings;
    for (int l = 0; l < m->rings; l++) {
      const float *restrict a = m->in + (size_t)l * m->columns + first;
      for (int r = 0; r < m->rings; r++) {
        const float *restrict b = m->other + (size_t)r * m->columns + first;
        Vector sums[4] = {0};
        int i = 0;
        for (; i + 4 * LANES <= count; i += 4 * LANES) {
          UNROLL for (int v = 0; v < 4; v++) {
            sums[v] += *(const Vector *)(a + i + v * LANES) * *(const Vector *)(b + i + v * LANES);
          }
        }
        Vector all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        double dot = 0;
        for (int v = 0; v < LANES; v++) dot += all[v];
        for (; i < count; i++) dot += (double)a[i] * b[i];
        dots[l * m->rings + r] = dot;
      }
    }
  }
  (void)thread;
}

/** Σ_l G[r][l] (((l - r)/σ_r)² - 1) ⟨dy_l, w_r⟩ where σ_r is not clipped, else 0; of dy, weights and log σ. */
static void mixSigmas(const int32_t *integers, const float *const *in, float *const *out) {
  const MixPlan *plan = (const MixPlan *)integers;
  const int rings = plan->rings, size = plan->columns, chunks = (size + COLUMNS - 1) / COLUMNS;
  Mix m = {.rings = rings, .columns = size, .in = in[0], .other = in[1]};
  m.dots = scratch(0, sizeof(double) * chunks * rings * rings);
  parallel(dotColumns, &m, chunks, (size_t)size * rings * rings < 100000);
  for (int r = 0; r < rings; r++) {
    double sigma = sigmaOf(plan, in[2][r]), sum = 0;
    int isClipped = sigma != sigma ? 0 : (float)exp((double)in[2][r]) != (float)sigma;
    for (int l = 0; l < rings && !isClipped; l++) {
      double dot = 0, distance = (l - r) / sigma;
      for (int chunk = 0; chunk < chunks; chunk++) dot += m.dots[((size_t)chunk * rings + l) * rings + r];
      sum += gaussian(plan, sigma, abs(l - r)) * (distance * distance - 1) * dot;
    }
    out[0][r] = (float)sum;
  }
}
