// Kernels that go through their tensors once, number by number.

#include "common.h"

/** Numbers that a thread takes at a time. */
#define CHUNK (1 << 14)

typedef struct {
  int size;
  const float *const *in;
  float *const *out;
  const float *numbers;
  float slope;
} Elements;

static void shareElements(Work work, Elements *e) {
  parallel(work, e, (e->size + CHUNK - 1) / CHUNK, e->size < 2 * CHUNK);
}

#define EACH(e, i) for (int i = begin * CHUNK, end_ = least((e)->size, end * CHUNK); i < end_; i++)

static void addReluChunks(void *context, int begin, int end, int thread) {
  Elements *e = context;
  const float *restrict a = e->in[0], *restrict b = e->in[1];
  float *restrict y = e->out[0];
  EACH(e, i) y[i] = rectify(a[i] + b[i], 0, 1);
  (void)thread;
}

/** max(a + b, 0); plan: size. */
static void addRelu(const int32_t *plan, const float *const *in, float *const *out) {
  Elements e = {.size = plan[0], .in = in, .out = out};
  shareElements(addReluChunks, &e);
}

static void reluGradientChunks(void *context, int begin, int end, int thread) {
  Elements *e = context;
  const float *restrict dy = e->in[0], *restrict y = e->in[1], slope = e->slope;
  float *restrict dx = e->out[0];
  if (slope == 0) EACH(e, i) dx[i] = y[i] > 0 ? dy[i] : 0;
  else EACH(e, i) dx[i] = y[i] > 0 ? dy[i] : slope * dy[i];
  (void)thread;
}

/** dy where y > 0, else slope · dy; plan: size, slope. */
static void reluGradient(const int32_t *plan, const float *const *in, float *const *out) {
  Elements e = {.size = plan[0], .in = in, .out = out, .slope = floatOf(plan[1])};
  shareElements(reluGradientChunks, &e);
}

static void sgdChunks(void *context, int begin, int end, int thread) {
  Elements *e = context;
  const float *restrict p = e->in[0], *restrict g = e->in[1], *restrict v = e->in[2];
  float *restrict newP = e->out[0], *restrict newV = e->out[1];
  const float rate = e->numbers[0], momentum = e->numbers[1], kept = e->numbers[2];
  EACH(e, i) {
    float velocity = v[i] * momentum + g[i];
    newV[i] = velocity;
    newP[i] = p[i] * kept - (velocity * momentum + g[i]) * rate;
  }
  (void)thread;
}

/** Of parameter, gradient, velocity and [learning rate, momentum, what decay leaves]; plan: size. */
static void sgd(const int32_t *plan, const float *const *in, float *const *out) {
  Elements e = {.size = plan[0], .in = in, .out = out, .numbers = in[3]};
  shareElements(sgdChunks, &e);
}

static void adamWChunks(void *context, int begin, int end, int thread) {
  Elements *e = context;
  const float *restrict p = e->in[0], *restrict g = e->in[1], *restrict m = e->in[2], *restrict v = e->in[3];
  float *restrict newP = e->out[0], *restrict newM = e->out[1], *restrict newV = e->out[2];
  const float beta1 = e->numbers[0], rest1 = e->numbers[1], beta2 = e->numbers[2], rest2 = e->numbers[3];
  const float rate = e->numbers[4], correction = e->numbers[5], epsilon = e->numbers[6], kept = e->numbers[7];
  EACH(e, i) {
    float first = m[i] * beta1 + g[i] * rest1, second = v[i] * beta2 + g[i] * g[i] * rest2;
    newM[i] = first;
    newV[i] = second;
    newP[i] = p[i] * kept - first * rate / (sqrtf(second * correction) + epsilon);
  }
  (void)thread;
}

/**
 * Of parameter, gradient, moments and [β1, 1 - β1, β2, 1 - β2, corrected rate, correction of the second moment, ε,
 * what decay leaves]; plan: size.
 */
static void adamW(const int32_t *plan, const float *const *in, float *const *out) {
  Elements e = {.size = plan[0], .in = in, .out = out, .numbers = in[4]};
  shareElements(adamWChunks, &e);
}
