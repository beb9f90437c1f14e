// Normalisation by statistics over the rows of x [sets, rows, channels], each set by itself, and with given statistics.
//
// Sums are added up in float32 over a few rows, then over a part of the rows, and in float64 over the parts. Squares
// are of distances from the part's own mean. Where channels are few, several rows count as one: as many sums in parallel.

#pragma once
#include "common.h"

/** Numbers of a part, whose second reading comes from the cache, and the least number of parts to share. */
#define PART (1 << 15)
#define PARTS 64
/** Rows that are added up one by one. */
#define RUN 16
/** Rows of a part at most, so that float32 keeps its digits. */
#define PART_ROWS (RUN * RUN)
/** Numbers in a row from which it counts as one. */
#define LANE_FLOATS 32
/** Numbers from which threads pay. */
#define SHARED_SIZE (1 << 14)

typedef struct {
  int32_t sets, rows, channels, epsilon, slope;
} NormPlan;

/** Consecutive rows of `lanes` numbers, from an offset into the tensor on. */
typedef struct {
  size_t offset;
  int set, rows, lanes;
} Part;

typedef struct {
  int sets, rows, channels;
  float epsilon, slope;
  /** Rows that count as one, and the numbers in them. */
  int fold, lanes;
  /** Parts of each set; the last one may be rows that do not fill a fold. */
  int parts, partRows, hasRest;
  const float *x, *dy, *mean, *variance, *gamma, *beta;
  float *y;
  /** [set][part][2][lanes] */
  float *sums;
  /** [set][VECTORS][lanes]: what the numbers of a row are computed with. */
  float *vectors;
} Norm;

enum { MEAN, SCALE, OFFSET, SHIFT, TILT, VECTORS };

static Norm normOf(const NormPlan *plan, const float *x, float *y) {
  Norm n = {.sets = plan->sets, .rows = plan->rows, .channels = plan->channels, .x = x, .dy = x, .y = y};
  n.epsilon = floatOf(plan->epsilon);
  n.slope = floatOf(plan->slope);
  n.fold = n.channels >= LANE_FLOATS ? 1 : least(most(1, n.rows), LANE_FLOATS / n.channels);
  n.lanes = n.fold * n.channels;
  int folds = n.rows / n.fold, perSet = (PARTS + n.sets - 1) / n.sets;
  int largest = least(PART_ROWS, most(1, PART / n.lanes));
  n.partRows = most(most(1, least(RUN, folds)), least(largest, (folds + perSet - 1) / perSet));
  n.hasRest = n.rows % n.fold != 0;
  n.parts = (folds + n.partRows - 1) / n.partRows + n.hasRest;
  return n;
}

static Part partOf(const Norm *n, int index) {
  int set = index / n->parts, part = index % n->parts;
  size_t start = (size_t)set * n->rows * n->channels;
  int folds = n->rows / n->fold;
  if (n->hasRest && part == n->parts - 1) {
    return (Part){start + (size_t)folds * n->lanes, set, n->rows - folds * n->fold, n->channels};
  }
  int first = part * n->partRows;
  return (Part){start + (size_t)first * n->lanes, set, least(n->partRows, folds - first), n->lanes};
}

static void shareParts(Work work, Norm *n) {
  size_t size = (size_t)n->sets * n->rows * n->channels;
  parallel(work, n, n->sets * n->parts, size < SHARED_SIZE);
}

/** The memory of sums and vectors. */
static void allocate(Norm *n) {
  size_t sums = (size_t)n->sets * n->parts * 2 * n->lanes, vectors = (size_t)n->sets * VECTORS * n->lanes;
  n->sums = scratch(0, sizeof(float) * (sums + vectors));
  n->vectors = n->sums + sums;
}

INLINE float *sumsOf(const Norm *n, int index) { return n->sums + (size_t)index * 2 * n->lanes; }
INLINE float *vectorOf(const Norm *n, int set, int which) {
  return n->vectors + ((size_t)set * VECTORS + which) * n->lanes;
}

/** What is added up: x; the squares of x - mean; dy behind the rectifier, and its products with x - mean. */
enum { PLAIN, SQUARES, GRADIENTS };

/** Adds `rows` numbers of lane `c` and the next ones, `vectors` vectors of them, to the sums. */
INLINE void addStrip(int what, int vectors, const float *x, const float *dy, size_t stride, int rows,
                     const float *mean, const float *scale, const float *offset, float slope, float *first,
                     float *second) {
  Vector sums[4] = {0}, products[4] = {0};
  for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) {
      Vector value = *(const Vector *)(x + v * LANES);
      if (what == PLAIN) {
        sums[v] += value;
        continue;
      }
      Vector distance = value - *(const Vector *)(mean + v * LANES);
      if (what == SQUARES) {
        sums[v] += distance * distance;
        continue;
      }
      Vector open = *(const Vector *)(dy + v * LANES);
      if (slope < 1) {
        Vector y = distance * *(const Vector *)(scale + v * LANES) + *(const Vector *)(offset + v * LANES);
        Mask isPositive = y > 0;
        Vector closed = open * slope;
        open = (Vector)(((Mask)open & isPositive) | ((Mask)closed & ~isPositive));
      }
      sums[v] += open;
      products[v] += open * distance;
    }
    x += stride;
    if (what == GRADIENTS) dy += stride;
  }
  UNROLL for (int v = 0; v < vectors; v++) {
    *(Vector *)(first + v * LANES) += sums[v];
    if (what == GRADIENTS) *(Vector *)(second + v * LANES) += products[v];
  }
}

/** Adds the rows of a part to sums [lanes], which start as zeros. */
INLINE void addRowsOf(int what, const Norm *n, Part part, const float *mean, float *first, float *second) {
  const float *scale = vectorOf(n, part.set, SCALE), *offset = vectorOf(n, part.set, OFFSET);
  const size_t stride = part.lanes;
  for (int row = 0; row < part.rows; row += RUN) {
    int rows = least(RUN, part.rows - row);
    const float *x = n->x + part.offset + row * stride, *dy = n->dy + part.offset + row * stride;
    int c = 0;
    for (; c + 4 * LANES <= part.lanes; c += 4 * LANES) {
      addStrip(what, 4, x + c, dy + c, stride, rows, mean + c, scale + c, offset + c, n->slope, first + c, second + c);
    }
    for (; c + LANES <= part.lanes; c += LANES) {
      addStrip(what, 1, x + c, dy + c, stride, rows, mean + c, scale + c, offset + c, n->slope, first + c, second + c);
    }
    for (; c < part.lanes; c++) {
      float sum = 0, product = 0;
      for (int r = 0; r < rows; r++) {
        float value = x[r * stride + c];
        float distance = what == PLAIN ? value : value - mean[c];
        if (what == PLAIN) sum += value;
        if (what == SQUARES) sum += distance * distance;
        if (what != GRADIENTS) continue;
        float open = dy[r * stride + c];
        if (n->slope < 1 && !(distance * scale[c] + offset[c] > 0)) open *= n->slope;
        sum += open;
        product += open * distance;
      }
      first[c] += sum;
      if (what == GRADIENTS) second[c] += product;
    }
  }
}

/** The mean of each lane of a part, and its squared distances from it. */
static void momentParts(void *context, int begin, int end, int thread) {
  Norm *n = context;
  for (int index = begin; index < end; index++) {
    Part part = partOf(n, index);
    float *means = sumsOf(n, index), *squares = means + n->lanes;
    memset(means, 0, sizeof(float) * 2 * n->lanes);
    addRowsOf(PLAIN, n, part, means, means, NULL);
    for (int c = 0; c < part.lanes; c++) means[c] /= part.rows;
    addRowsOf(SQUARES, n, part, means, squares, NULL);
  }
  (void)thread;
}

/** Mean and biased variance [sets, channels] from the parts, merged as Chan, Golub and LeVeque (1979) do. */
static void mergeMoments(const Norm *n, float *mean, float *variance) {
  for (int set = 0; set < n->sets; set++) {
    for (int c = 0; c < n->channels; c++) {
      double count = 0, middle = 0, squares = 0;
      for (int p = 0; p < n->parts; p++) {
        int index = set * n->parts + p;
        Part part = partOf(n, index);
        const float *means = sumsOf(n, index);
        for (int lane = c; lane < part.lanes; lane += n->channels) {
          double distance = means[lane] - middle, all = count + part.rows;
          squares += means[n->lanes + lane] + distance * distance * count * part.rows / all;
          middle += distance * part.rows / all;
          count = all;
        }
      }
      mean[set * n->channels + c] = (float)middle;
      variance[set * n->channels + c] = (float)(squares / count);
    }
  }
}

/** Mean, scale and offset of each lane. */
static void makeVectors(const Norm *n) {
  for (int set = 0; set < n->sets; set++) {
    for (int lane = 0; lane < n->lanes; lane++) {
      int c = lane % n->channels, at = set * n->channels + c;
      vectorOf(n, set, MEAN)[lane] = n->mean[at];
      vectorOf(n, set, SCALE)[lane] = (float)(n->gamma[c] / sqrt((double)n->variance[at] + n->epsilon));
      vectorOf(n, set, OFFSET)[lane] = n->beta[c];
    }
  }
}

INLINE void applyRows(const Norm *n, Part part, int isRelu) {
  const float *restrict mean = vectorOf(n, part.set, MEAN), *restrict scale = vectorOf(n, part.set, SCALE);
  const float *restrict offset = vectorOf(n, part.set, OFFSET), slope = n->slope;
  const float *restrict x = n->x + part.offset;
  float *restrict y = n->y + part.offset;
  for (int r = 0; r < part.rows; r++, x += part.lanes, y += part.lanes) {
    for (int c = 0; c < part.lanes; c++) y[c] = rectify((x[c] - mean[c]) * scale[c] + offset[c], slope, isRelu);
  }
}

static void applyParts(void *context, int begin, int end, int thread) {
  Norm *n = context;
  for (int index = begin; index < end; index++) {
    if (n->slope == 0) applyRows(n, partOf(n, index), 1);
    else applyRows(n, partOf(n, index), 0);
  }
  (void)thread;
}

/** y, mean and variance of x, gamma and beta. */
static void norm(const int32_t *plan, const float *const *in, float *const *out) {
  Norm n = normOf((const NormPlan *)plan, in[0], out[0]);
  n.gamma = in[1];
  n.beta = in[2];
  allocate(&n);
  shareParts(momentParts, &n);
  mergeMoments(&n, out[1], out[2]);
  n.mean = out[1];
  n.variance = out[2];
  makeVectors(&n);
  shareParts(applyParts, &n);
}

/** y of x, gamma, beta, mean and variance. */
static void normInference(const int32_t *plan, const float *const *in, float *const *out) {
  Norm n = normOf((const NormPlan *)plan, in[0], out[0]);
  n.gamma = in[1];
  n.beta = in[2];
  n.mean = in[3];
  n.variance = in[4];
  allocate(&n);
  makeVectors(&n);
  shareParts(applyParts, &n);
}

static void gradientParts(void *context, int begin, int end, int thread) {
  Norm *n = context;
  for (int index = begin; index < end; index++) {
    Part part = partOf(n, index);
    float *sums = sumsOf(n, index);
    memset(sums, 0, sizeof(float) * 2 * n->lanes);
    addRowsOf(GRADIENTS, n, part, vectorOf(n, part.set, MEAN), sums, sums + n->lanes);
  }
  (void)thread;
}

/** The gradients of gamma and beta, and the vectors that give dx. */
static void mergeGradients(const Norm *n, float *dGamma, float *dBeta) {
  for (int c = 0; c < n->channels; c++) {
    double gammas = 0, betas = 0;
    for (int set = 0; set < n->sets; set++) {
      double sum = 0, product = 0;
      for (int p = 0; p < n->parts; p++) {
        int index = set * n->parts + p;
        Part part = partOf(n, index);
        const float *sums = sumsOf(n, index);
        for (int lane = c; lane < part.lanes; lane += n->channels) {
          sum += sums[lane];
          product += sums[n->lanes + lane];
        }
      }
      double variance = (double)n->variance[set * n->channels + c] + n->epsilon;
      gammas += product / sqrt(variance);
      betas += sum;
      for (int lane = c; lane < n->lanes; lane += n->channels) {
        vectorOf(n, set, SHIFT)[lane] = (float)(sum / n->rows);
        vectorOf(n, set, TILT)[lane] = (float)(product / n->rows / variance);
      }
    }
    dGamma[c] = (float)gammas;
    dBeta[c] = (float)betas;
  }
}

INLINE void gradientRows(const Norm *n, Part part, int isRectified) {
  const float *restrict mean = vectorOf(n, part.set, MEAN), *restrict scale = vectorOf(n, part.set, SCALE);
  const float *restrict offset = vectorOf(n, part.set, OFFSET), *restrict shift = vectorOf(n, part.set, SHIFT);
  const float *restrict tilt = vectorOf(n, part.set, TILT), slope = n->slope;
  const float *restrict x = n->x + part.offset, *restrict dy = n->dy + part.offset;
  float *restrict dx = n->y + part.offset;
  for (int r = 0; r < part.rows; r++, x += part.lanes, dy += part.lanes, dx += part.lanes) {
    for (int c = 0; c < part.lanes; c++) {
      float distance = x[c] - mean[c], open = dy[c];
      if (isRectified) open = distance * scale[c] + offset[c] > 0 ? open : open * slope;
      dx[c] = scale[c] * (open - shift[c] - distance * tilt[c]);
    }
  }
}

static void gradientApply(void *context, int begin, int end, int thread) {
  Norm *n = context;
  for (int index = begin; index < end; index++) {
    if (n->slope < 1) gradientRows(n, partOf(n, index), 1);
    else gradientRows(n, partOf(n, index), 0);
  }
  (void)thread;
}

/** dx, the gradient of gamma and that of beta, of dy, x, mean, variance, gamma and beta. */
static void normGradients(const int32_t *plan, const float *const *in, float *const *out) {
  Norm n = normOf((const NormPlan *)plan, in[1], out[0]);
  n.dy = in[0];
  n.mean = in[2];
  n.variance = in[3];
  n.gamma = in[4];
  n.beta = in[5];
  allocate(&n);
  makeVectors(&n);
  shareParts(gradientParts, &n);
  mergeGradients(&n, out[1], out[2]);
  shareParts(gradientApply, &n);
}
