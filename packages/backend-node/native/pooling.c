// The gradient of maximum pooling whose windows do not overlap.

#include "common.h"

/** Channels that are compared at a time. */
#define POOL_CHANNELS 64

typedef struct {
  int32_t images, channels, inSize[3], outSize[3], filter[3], strides[3], padBefore[3];
} PoolPlan;

/** The positions of a window. */
#define EACH_POSITION                       \
  for (int z = from[0]; z < to[0]; z++)     \
    for (int y = from[1]; y < to[1]; y++)   \
      for (int x = from[2]; x < to[2]; x++)

typedef struct {
  const PoolPlan *plan;
  const float *dy, *x;
  float *dx;
} Pool;

static void maxPoolRows(void *context, int begin, int end, int thread) {
  const Pool *pool = context;
  const PoolPlan *p = pool->plan;
  const size_t pixel = p->channels, line = pixel * p->inSize[2], plane = line * p->inSize[1];
  for (int row = begin; row < end; row++) {
    int image = row / (p->outSize[0] * p->outSize[1]);
    int at[3] = {row / p->outSize[1] % p->outSize[0], row % p->outSize[1], 0};
    for (; at[2] < p->outSize[2]; at[2]++) {
      // The part of the window inside the image.
      int from[3], to[3];
      for (int axis = 0; axis < 3; axis++) {
        int start = at[axis] * p->strides[axis] - p->padBefore[axis];
        from[axis] = most(0, start);
        to[axis] = least(p->inSize[axis], start + p->filter[axis]);
      }
      const size_t base = image * plane * p->inSize[0];
      const float *dy = pool->dy + ((size_t)row * p->outSize[2] + at[2]) * pixel;
      for (int c = 0; c < p->channels; c += POOL_CHANNELS) {
        int count = least(POOL_CHANNELS, p->channels - c), position = 0;
        float best[POOL_CHANNELS];
        int32_t place[POOL_CHANNELS] = {0};
        EACH_POSITION {
          const float *value = pool->x + base + z * plane + y * line + x * pixel + c;
          if (position == 0) memcpy(best, value, sizeof(float) * count);
          else for (int i = 0; i < count; i++) {
            place[i] = value[i] > best[i] ? position : place[i];
            best[i] = value[i] > best[i] ? value[i] : best[i];
          }
          position++;
        }
        position = 0;
        EACH_POSITION {
          float *dx = pool->dx + base + z * plane + y * line + x * pixel + c;
          for (int i = 0; i < count; i++) dx[i] = place[i] == position ? dy[c + i] : 0;
          position++;
        }
      }
    }
  }
  (void)thread;
}

/** dx of dy and x: each goes to the first of its window's largest numbers. */
static void maxPoolGradient(const int32_t *plan, const float *const *in, float *const *out) {
  Pool pool = {(const PoolPlan *)plan, in[0], in[1], out[0]};
  const PoolPlan *p = pool.plan;
  size_t size = (size_t)p->images * p->inSize[0] * p->inSize[1] * p->inSize[2] * p->channels;
  int isCovered = 1;
  for (int axis = 0; axis < 3; axis++) {
    int last = (p->outSize[axis] - 1) * p->strides[axis] + p->filter[axis] - p->padBefore[axis];
    if (p->strides[axis] != p->filter[axis] || last < p->inSize[axis]) isCovered = 0;
  }
  if (!isCovered) memset(pool.dx, 0, sizeof(float) * size);
  parallel(maxPoolRows, &pool, p->images * p->outSize[0] * p->outSize[1], size < 1 << 14);
}
