// Ring convolutions: tile by tile, the sums over each ring's positions, then one matrix product.
//
// A ring is symmetric, so the rows a above and a below the centre always occur together: they are added once per row of
// the output, which nearly halves the additions.

#include "common.h"

/** Columns of a packed panel of the right-hand matrix, and rows of the left-hand one that are multiplied at a time. */
#define PANEL (2 * LANES)
#define BLOCK (LANES == 8 ? 6 : 12)
/** Depth of a product whose part of a panel stays in the first cache. */
#define DEPTH 256
/** Pixels of a tile and their sums: enough to reuse the packed weights, few enough for the second cache. */
#define TILE_PIXELS 96
#define TILE_SUMS (1 << 17)
/** Channels that are summed at a time. */
#define CHANNELS 16
/** Pixels that are summed at a time. */
#define GROUP (LANES == 4 ? 4 : 8)
/** Units of a gradient of weights, whatever the number of threads, and tiles that are added up one by one. */
#define UNITS 32
#define UNIT_TILES 256
#define UNIT_PIXELS 512
/** Multiply-adds from which threads pay. */
#define SHARED_WORK 200000.0

/** Numbers from one pixel to the next, of all groups. */
INLINE size_t inStep(const Conv *g) { return (size_t)g->inC * g->groups; }
INLINE size_t outStep(const Conv *g) { return (size_t)g->outC * g->groups; }

// Sums

/** How the output is cut into tiles of `rows` rows by `pixels` pixels; rows are counted over planes and images. */
typedef struct {
  int rows, pixels;
  int allRows, rowTiles, columnTiles;
  /** Pixels of a row that the taps of a tile read. */
  int read;
  /** Channels rounded up to a multiple of four; 1 for images of one channel, whose pixels fill the vectors instead. */
  int paddedC;
} Tiling;

/** Whether the neighbours of a pixel follow it in memory, and in the result as well. */
INLINE int isThin(const Conv *g) {
  return g->inC == 1 && g->groups == 1 && g->spread[2] == 1 && g->strides[2] == 1;
}

/** @param channels summed for a tile, @param share threads that want a tile each */
static Tiling tilingOf(const Conv *g, int channels, int share) {
  Tiling t;
  int sums = most(1, g->slots * channels);
  int wanted = most(BLOCK, least(TILE_PIXELS, TILE_SUMS / sums));
  int width = g->outSize[2];
  t.paddedC = isThin(g) ? 1 : roundUp(g->inC, 4);
  t.allRows = g->images * g->outSize[0] * g->outSize[1];
  t.pixels = 2 * width > 3 * wanted ? wanted : width;
  t.columnTiles = (width + t.pixels - 1) / t.pixels;
  t.rows = t.pixels < width ? 1 : most(1, wanted / most(1, width));
  // As many tiles for each thread.
  int tiles = roundUp((t.allRows + t.rows - 1) / t.rows, share);
  t.rows = most(1, (t.allRows + tiles - 1) / most(1, tiles));
  t.rowTiles = (t.allRows + t.rows - 1) / t.rows;
  t.read = (t.pixels - 1) * g->strides[2] + g->extent;
  return t;
}

/** Index of the source pixel at position `at` of a padded, spread-out axis, or -1. */
INLINE int sourceOf(const Conv *g, int axis, int at) {
  int from = at - g->padBefore[axis];
  if (from < 0) return -1;
  int step = g->spread[axis];
  if (step != 1) {
    if (from % step) return -1;
    from /= step;
  }
  return from < g->inSize[axis] ? from : -1;
}

/** to[i] = the sum of `count` rows of pixels with `width` channels, of which `live` exist. */
INLINE void addRows(float *to, size_t step, const float *const *from, size_t inC, int pixels, int count, int width,
                    int live) {
  if (width == 1) {
    int i = 0;
    for (; i + LANES <= pixels; i += LANES) {
      Vector sum = *(const Vector *)(from[0] + i);
      UNROLL for (int r = 1; r < count; r++) sum += *(const Vector *)(from[r] + i);
      *(Vector *)(to + i) = sum;
    }
    for (; i < pixels; i++) {
      to[i] = from[0][i];
      for (int r = 1; r < count; r++) to[i] += from[r][i];
    }
    return;
  }
  if (live == width) {
    for (int i = 0; i < pixels; i++) {
      size_t at = (size_t)i * inC;
      if (width % LANES == 0) {
        UNROLL for (int c = 0; c < width; c += LANES) {
          Vector sum = *(const Vector *)(from[0] + at + c);
          UNROLL for (int r = 1; r < count; r++) sum += *(const Vector *)(from[r] + at + c);
          *(Vector *)(to + c) = sum;
        }
      } else {
        UNROLL for (int c = 0; c < width; c += 4) {
          Four sum = *(const Four *)(from[0] + at + c);
          UNROLL for (int r = 1; r < count; r++) sum += *(const Four *)(from[r] + at + c);
          *(Four *)(to + c) = sum;
        }
      }
      to += step;
    }
    return;
  }
  for (int i = 0; i < pixels; i++) {
    size_t at = (size_t)i * inC;
    for (int c = 0; c < live; c++) {
      float sum = from[0][at + c];
      for (int r = 1; r < count; r++) sum += from[r][at + c];
      to[c] = sum;
    }
    for (int c = live; c < width; c++) to[c] = 0;
    to += step;
  }
}

/** Sums of the rows that output row `row` reads, for channels [c, c + width), from column x0 of the padded image on. */
INLINE void sumRows(const Conv *g, const Tiling *t, const float *x, int row, int x0, int c, int width, float *to) {
  int image = row / (g->outSize[0] * g->outSize[1]);
  int z = row / g->outSize[1] % g->outSize[0];
  int y = row % g->outSize[1];
  const size_t pixel = inStep(g), line = pixel * g->inSize[2], plane = line * g->inSize[1];
  const float *source = x + image * plane * g->inSize[0] + c;
  const int live = least(width, g->inC - c), spread = g->spread[2];
  // Columns first + i * spread of the padded row, counted from x0, hold pixels [begin, end) of the source.
  int offset = g->padBefore[2] - x0;
  int begin = offset < 0 ? (-offset + spread - 1) / spread : 0;
  int end = offset >= t->read ? 0 : least(g->inSize[2], (t->read - 1 - offset) / spread + 1);
  int first = offset + begin * spread;
  const int32_t *table = g->tables;
  for (int r = 0; r < g->rows; r++, to += (size_t)t->read * width) {
    const float *from[4];
    int count = 0, wanted = *table++;
    for (int i = 0; i < wanted; i++, table += 2) {
      int fromZ = sourceOf(g, 0, z * g->strides[0] + table[0]);
      int fromY = sourceOf(g, 1, y * g->strides[1] + table[1]);
      if (fromZ >= 0 && fromY >= 0) from[count++] = source + fromZ * plane + fromY * line + begin * pixel;
    }
    if (count == 0 || end <= begin) {
      memset(to, 0, sizeof(float) * t->read * width);
      continue;
    }
    if (spread == 1) {
      int last = first + end - begin;
      memset(to, 0, sizeof(float) * first * width);
      memset(to + (size_t)last * width, 0, sizeof(float) * (t->read - last) * width);
    } else {
      memset(to, 0, sizeof(float) * t->read * width);
    }
    float *at = to + (size_t)first * width;
    size_t step = (size_t)spread * width;
    if (count == 1) addRows(at, step, from, pixel, end - begin, 1, width, live);
    else if (count == 2) addRows(at, step, from, pixel, end - begin, 2, width, live);
    else if (count == 3) addRows(at, step, from, pixel, end - begin, 3, width, live);
    else addRows(at, step, from, pixel, end - begin, 4, width, live);
  }
}

/**
 * The sums of a group of pixels for all slots.
 * @param at where each pixel starts in the sums of rows, @param taps the slots' numbers of taps and their offsets
 * @param to of the first pixel and slot, from one pixel `step` to the next and from one slot `slotStep`
 */
INLINE void sumTaps(const float *const *at, int count, const int32_t *taps, int slots, int width, float *to,
                    size_t step, size_t slotStep) {
  for (int slot = 0; slot < slots; slot++) {
    const int32_t *end = taps + 1 + *taps;
    taps++;
    if (width >= LANES) {
      Vector sums[GROUP][CHANNELS / LANES];
      UNROLL for (int i = 0; i < GROUP; i++) UNROLL for (int v = 0; v < width / LANES; v++)
        sums[i][v] = *(const Vector *)(at[i] + *taps + v * LANES);
      for (taps++; taps < end; taps++) {
        UNROLL for (int i = 0; i < GROUP; i++) UNROLL for (int v = 0; v < width / LANES; v++)
          sums[i][v] += *(const Vector *)(at[i] + *taps + v * LANES);
      }
      UNROLL for (int i = 0; i < GROUP; i++) if (i < count) UNROLL for (int v = 0; v < width / LANES; v++)
        *(Vector *)(to + i * step + v * LANES) = sums[i][v];
    } else {
      Four sums[GROUP][2];
      UNROLL for (int i = 0; i < GROUP; i++) UNROLL for (int v = 0; v < width / 4; v++)
        sums[i][v] = *(const Four *)(at[i] + *taps + v * 4);
      for (taps++; taps < end; taps++) {
        UNROLL for (int i = 0; i < GROUP; i++) UNROLL for (int v = 0; v < width / 4; v++)
          sums[i][v] += *(const Four *)(at[i] + *taps + v * 4);
      }
      UNROLL for (int i = 0; i < GROUP; i++) if (i < count) UNROLL for (int v = 0; v < width / 4; v++)
        *(Four *)(to + i * step + v * 4) = sums[i][v];
    }
    to += slotStep;
  }
}

/** Vectors of pixels that are summed at a time. */
#define THIN 4

/** The same of one slot, for a row of an image of one channel. What fills up the last vector follows the sums. */
INLINE void sumThinTaps(const float *row, int pixels, const int32_t *taps, float *to) {
  const int32_t *first = taps + 1, *end = first + *taps;
  for (int i = 0; i < pixels; i += THIN * LANES) {
    Vector sums[THIN];
    UNROLL for (int v = 0; v < THIN; v++) sums[v] = *(const Vector *)(row + *first + i + v * LANES);
    for (const int32_t *tap = first + 1; tap < end; tap++) {
      UNROLL for (int v = 0; v < THIN; v++) sums[v] += *(const Vector *)(row + *tap + i + v * LANES);
    }
    UNROLL for (int v = 0; v < THIN; v++) if (i + v * LANES < pixels) *(Vector *)(to + i + v * LANES) = sums[v];
  }
}

/** The tables of taps for 16, 8 and 4 channels, or 1: for each slot the number and the offsets in floats. */
typedef struct {
  const int32_t *of[3];
} Taps;

INLINE int widthIndex(int width) { return width == 16 ? 0 : width == 8 ? 1 : 2; }

/** Of the channels from c on, how many are summed at once. */
INLINE int widthAt(int c, int paddedC) {
  return paddedC == 1 ? 1 : paddedC - c >= 16 ? 16 : paddedC - c >= 8 ? 8 : 4;
}

static size_t tapInts(const Conv *g) { return (size_t)(g->slots + g->taps); }

static const int32_t *slotTable(const Conv *g) {
  const int32_t *table = g->tables;
  for (int r = 0; r < g->rows; r++) table += 1 + 2 * table[0];
  return table;
}

/** Fills the table of taps, and the matrix of each slot. */
static void makeTaps(const Conv *g, const Tiling *t, int32_t *to, Taps *taps, int32_t *matrices) {
  for (int w = 0; w < 3; w++) {
    taps->of[w] = to;
    const int32_t *table = slotTable(g);
    int width = t->paddedC == 1 ? 1 : 16 >> w;
    for (int slot = 0; slot < g->slots; slot++) {
      matrices[slot] = *table++;
      int n = *table++;
      *to++ = n;
      for (int i = 0; i < n; i++, table += 2) *to++ = (table[0] * t->read + table[1]) * width;
    }
  }
}

/** Bytes that a thread needs for the sums of rows and those of a tile. */
static size_t rowBytes(const Conv *g, const Tiling *t) {
  return sizeof(float) * (t->rows * (size_t)g->rows * t->read * CHANNELS + THIN * LANES);
}

/**
 * Sums of `rows` rows by `pixels` pixels for channels [c, c + width), a constant.
 * @param to [pixel][...]: `step` floats from one pixel to the next, `slotStep` from one slot to the next; of one channel
 *   [slot][pixel]
 */
INLINE void sumTileOf(const Conv *g, const Tiling *t, const float *x, const int32_t *taps, int row, int rows, int x0,
                      int pixels, int c, int width, float *summed, float *to, size_t step, size_t slotStep) {
  const size_t rowFloats = (size_t)g->rows * t->read * width, next = (size_t)g->strides[2] * width;
  for (int r = 0; r < rows; r++) {
    sumRows(g, t, x, row + r, x0 * g->strides[2], c, width, summed + r * rowFloats);
  }
  const int total = rows * pixels;
  if (width == 1) {
    // Slot by slot, since each row may be followed by numbers that the next one replaces.
    for (int slot = 0; slot < g->slots; slot++, taps += 1 + *taps) {
      for (int r = 0; r < rows; r++) {
        sumThinTaps(summed + r * rowFloats, pixels, taps, to + (size_t)slot * total + r * pixels);
      }
    }
    return;
  }
  const float *at[GROUP];
  const float *p = summed;
  int column = 0, line = 0;
  for (int m = 0; m < total; m += GROUP) {
    int count = least(GROUP, total - m);
    for (int i = 0; i < GROUP; i++) {
      at[i] = p;
      if (m + i + 1 >= total) continue;
      p += next;
      if (++column == pixels) {
        column = 0;
        p = summed + ++line * rowFloats;
      }
    }
    sumTaps(at, count, taps, g->slots, width, to + m * step, step, slotStep);
  }
}

static void sumTile(const Conv *g, const Tiling *t, const float *x, const Taps *taps, int row, int rows, int x0,
                    int pixels, int c, int width, float *summed, float *to, size_t step, size_t slotStep) {
  const int32_t *table = taps->of[widthIndex(width)];
  if (width == 1) sumTileOf(g, t, x, table, row, rows, x0, pixels, c, 1, summed, to, step, slotStep);
  else if (width == 16) sumTileOf(g, t, x, table, row, rows, x0, pixels, c, 16, summed, to, step, slotStep);
  else if (width == 8) sumTileOf(g, t, x, table, row, rows, x0, pixels, c, 8, summed, to, step, slotStep);
  else sumTileOf(g, t, x, table, row, rows, x0, pixels, c, 4, summed, to, step, slotStep);
}

// Products

/**
 * c[m][n] (+)= Σ_k a[m · am + k · ak] · b[k][n] of `rows` rows by `vectors` vectors, both constant.
 * @param old where c starts from: itself, one row for all (ldo = 0), or NULL for zeros
 */
INLINE void productBlock(int rows, int vectors, const float *a, size_t am, size_t ak, const float *b, int depth,
                         float *c, size_t ldc, const float *old, size_t ldo) {
  Vector sums[12][2];
  UNROLL for (int m = 0; m < rows; m++) UNROLL for (int v = 0; v < vectors; v++) {
    sums[m][v] = old ? *(const Vector *)(old + m * ldo + v * LANES) : (Vector){0};
  }
  for (int k = 0; k < depth; k++) {
    Vector right[2];
    UNROLL for (int v = 0; v < vectors; v++) right[v] = *(const Vector *)(b + v * LANES);
    UNROLL for (int m = 0; m < rows; m++) {
      float left = a[m * am];
      UNROLL for (int v = 0; v < vectors; v++) sums[m][v] += left * right[v];
    }
    a += ak;
    b += vectors * LANES;
  }
  UNROLL for (int m = 0; m < rows; m++) UNROLL for (int v = 0; v < vectors; v++) {
    *(Vector *)(c + m * ldc + v * LANES) = sums[m][v];
  }
}

/** The product of `rows` rows with one panel. */
INLINE void productRows(int vectors, int rows, const float *a, size_t am, size_t ak, const float *b, int depth,
                        float *c, size_t ldc, const float *old, size_t ldo) {
#define ROWS(n)                                                                         \
  while (rows >= n) {                                                                   \
    productBlock(n, vectors, a, am, ak, b, depth, c, ldc, old, ldo);                    \
    a += n * am;                                                                        \
    c += n * ldc;                                                                       \
    if (old) old += n * ldo;                                                            \
    rows -= n;                                                                          \
  }
#if LANES == 8
  ROWS(6)
#else
  ROWS(12)
  ROWS(8)
#endif
  ROWS(4)
  ROWS(2)
  ROWS(1)
#undef ROWS
}

static void productAlong(int vectors, int rows, const float *a, size_t am, const float *b, int depth, float *c,
                         size_t ldc, const float *old, size_t ldo) {
  if (vectors == 2) productRows(2, rows, a, am, 1, b, depth, c, ldc, old, ldo);
  else productRows(1, rows, a, am, 1, b, depth, c, ldc, old, ldo);
}

static void productAcross(int vectors, int rows, const float *a, size_t ak, const float *b, int depth, float *c,
                          size_t ldc, const float *old, size_t ldo) {
  if (vectors == 2) productRows(2, rows, a, 1, ak, b, depth, c, ldc, old, ldo);
  else productRows(1, rows, a, 1, ak, b, depth, c, ldc, old, ldo);
}

/** c += Σ sums · b over the pixels of a tile: sums [pixel][depth], or [depth][pixel] if they are of one channel. */
static void addOuter(int vectors, int ofOneChannel, const float *sums, int depth, const float *b, int pixels, float *c,
                     size_t ldc) {
  if (ofOneChannel) productAlong(vectors, depth, sums, pixels, b, pixels, c, ldc, c, ldc);
  else productAcross(vectors, depth, sums, depth, b, pixels, c, ldc, c, ldc);
}

INLINE int vectorsOf(int columns) { return columns > LANES ? 2 : 1; }

// Forward

typedef struct {
  const Conv *g;
  const float *x, *weights;
  float *y;
  Tiling tiling;
  int depth, panels;
  float *packed;
  const float *packedBias;
  Taps taps;
  const int32_t *matrices;
} Forward;

/** Packs panels [begin, end) of the weights as [slot, paddedC][panel's columns], filled up with zeros. */
static void packWeights(void *context, int begin, int end, int thread) {
  Forward *f = context;
  const Conv *g = f->g;
  const int inC = g->inC, outC = g->outC, paddedC = f->tiling.paddedC;
  for (int panel = begin; panel < end; panel++) {
    int n = panel * PANEL, columns = least(PANEL, outC - n), width = vectorsOf(columns) * LANES;
    float *to = f->packed + (size_t)panel * PANEL * f->depth;
    for (int slot = 0; slot < g->slots; slot++) {
      const float *matrix = f->weights + f->matrices[slot] * inC * outStep(g);
      if (columns < width) memset(to, 0, sizeof(float) * inC * width);
      if (g->transposed) {
        const float *from = matrix + n * inStep(g);
        for (int c = 0; c < inC; c++) {
          for (int j = 0; j < columns; j++) to[(size_t)c * width + j] = from[j * inStep(g) + c];
        }
      } else {
        for (int c = 0; c < inC; c++) {
          memcpy(to + (size_t)c * width, matrix + c * outStep(g) + n, sizeof(float) * columns);
        }
      }
      memset(to + (size_t)inC * width, 0, sizeof(float) * (paddedC - inC) * width);
      to += (size_t)paddedC * width;
    }
  }
  (void)thread;
}

/** y = sums · weights + bias of `total` pixels. @param last memory for a panel with fewer columns */
static void multiplyTile(const Forward *f, const float *sums, int total, float *y, float *last) {
  const Conv *g = f->g;
  const int outC = g->outC, depth = f->depth;
  for (int panel = 0; panel < f->panels; panel++) {
    int n = panel * PANEL, columns = least(PANEL, outC - n), vectors = vectorsOf(columns);
    int isWhole = columns == vectors * LANES;
    float *c = isWhole ? y + n : last;
    size_t ldc = isWhole ? outStep(g) : PANEL;
    const float *b = f->packed + (size_t)panel * PANEL * depth;
    if (f->tiling.paddedC == 1) {
      const float *old = f->packedBias ? f->packedBias + n : NULL;
      productAcross(vectors, total, sums, total, b, depth, c, ldc, old, 0);
    }
    // At least once, for what no tap reaches.
    else for (int k = 0; k == 0 || k < depth; k += DEPTH) {
      int now = least(DEPTH, depth - k);
      const float *old = k ? c : f->packedBias ? f->packedBias + n : NULL;
      productAlong(vectors, total, sums + k, depth, b + (size_t)k * vectors * LANES, now, c, ldc, old, k ? ldc : 0);
    }
    if (isWhole) continue;
    for (int m = 0; m < total; m++) memcpy(y + m * outStep(g) + n, last + m * PANEL, sizeof(float) * columns);
  }
}

static void forwardTiles(void *context, int begin, int end, int thread) {
  Forward *f = context;
  const Conv *g = f->g;
  const Tiling *t = &f->tiling;
  const int depth = f->depth;
  const size_t forRows = (rowBytes(g, t) + 63) / 64 * 64, most = (size_t)t->rows * t->pixels;
  char *memory = scratch(1 + thread, forRows + sizeof(float) * most * (depth + PANEL));
  float *summed = (float *)memory, *sums = (float *)(memory + forRows), *last = sums + most * depth;
  for (int unit = begin; unit < end; unit++) {
    int row = unit / t->columnTiles * t->rows, x0 = unit % t->columnTiles * t->pixels;
    int rows = least(t->rows, t->allRows - row), pixels = least(t->pixels, g->outSize[2] - x0);
    for (int c = 0; c < t->paddedC;) {
      int width = widthAt(c, t->paddedC);
      sumTile(g, t, f->x, &f->taps, row, rows, x0, pixels, c, width, summed, sums + c, depth, t->paddedC);
      c += width;
    }
    multiplyTile(f, sums, rows * pixels, f->y + ((size_t)row * g->outSize[2] + x0) * outStep(g), last);
  }
}

static double workOf(const Conv *g) {
  return (double)g->images * g->outSize[0] * g->outSize[1] * g->outSize[2] * g->slots * g->inC * g->outC;
}

/** y = S(x) · weights + bias of x, weights, and bias if there is one. */
static void forward(const int32_t *plan, const float *const *in, float *const *out) {
  const Conv *g = (const Conv *)plan;
  const float *bias = in[2];
  const int isSmall = workOf(g) < SHARED_WORK;
  Forward f = {.g = g};
  f.tiling = tilingOf(g, roundUp(g->inC, 4), isSmall ? 1 : threads());
  f.depth = g->slots * f.tiling.paddedC;
  f.panels = (g->outC + PANEL - 1) / PANEL;
  size_t packedFloats = (size_t)f.panels * PANEL * f.depth, biasFloats = (size_t)f.panels * PANEL;
  float *memory = scratch(0, sizeof(float) * (packedFloats + biasFloats + 3 * tapInts(g) + g->slots));
  f.packed = memory;
  float *padded = memory + packedFloats;
  f.packedBias = bias ? padded : NULL;
  int32_t *tables = (int32_t *)(memory + packedFloats + biasFloats);
  f.matrices = tables + 3 * tapInts(g);
  makeTaps(g, &f.tiling, tables, &f.taps, tables + 3 * tapInts(g));
  for (int group = 0; group < g->groups; group++) {
    f.x = in[0] + group * g->inC;
    f.weights = in[1] + group * (g->transposed ? g->inC : g->outC);
    f.y = out[0] + group * g->outC;
    if (bias) {
      memset(padded, 0, sizeof(float) * biasFloats);
      memcpy(padded, bias + group * g->outC, sizeof(float) * g->outC);
    }
    parallel(packWeights, &f, f.panels, isSmall || packedFloats < 1 << 14);
    parallel(forwardTiles, &f, f.tiling.rowTiles * f.tiling.columnTiles, isSmall);
  }
}

// Gradient of the weights

typedef struct {
  const Conv *g;
  const float *x, *dy;
  float *dw;
  Tiling tiling;
  /** Blocks of channels, and parts of the tiles. */
  int blocks, chunks, panels;
  /** [chunk][slot, paddedC][panels · PANEL] with the slots of a block together. */
  float *sums;
  Taps taps;
  const int32_t *matrices;
} Filter;

/** First channel of a block: blocks of 16, then of 8, then of 4. */
INLINE int blockStart(int block, int paddedC) {
  int c = least(block * 16, paddedC & ~15);
  int rest = block - (paddedC >> 4);
  return rest > 0 ? c + ((paddedC & 8) ? 8 : 4) : c;
}

INLINE int blockCount(int paddedC) {
  return paddedC == 1 ? 1 : (paddedC >> 4) + ((paddedC >> 3) & 1) + ((paddedC >> 2) & 1);
}

INLINE float *blockSums(const Filter *f, int chunk, int c) {
  size_t row = (size_t)f->panels * PANEL;
  return f->sums + ((size_t)chunk * f->tiling.paddedC + c) * f->g->slots * row;
}

/** Packs pixels of dy into panels [panel][pixel][panel's columns]. */
static void packPixels(const Conv *g, const float *dy, int rows, int pixels, float *to) {
  const int outC = g->outC;
  const size_t step = outStep(g), rowStep = step * g->outSize[2];
  for (int n = 0; n < outC; n += PANEL) {
    int columns = least(PANEL, outC - n), width = vectorsOf(columns) * LANES;
    for (int r = 0; r < rows; r++) {
      const float *from = dy + r * rowStep + n;
      for (int i = 0; i < pixels; i++, from += step, to += width) {
        if (columns == PANEL) {
          ((Vector *)to)[0] = ((const Vector *)from)[0];
          ((Vector *)to)[1] = ((const Vector *)from)[1];
          continue;
        }
        memcpy(to, from, sizeof(float) * columns);
        for (int j = columns; j < width; j++) to[j] = 0;
      }
    }
  }
}

static void filterUnits(void *context, int begin, int end, int thread) {
  Filter *f = context;
  const Conv *g = f->g;
  const Tiling *t = &f->tiling;
  const int outC = g->outC, tiles = t->rowTiles * t->columnTiles;
  const size_t forRows = (rowBytes(g, t) + 63) / 64 * 64, most = (size_t)t->rows * t->pixels;
  const size_t sumFloats = most * g->slots * CHANNELS, ld = (size_t)f->panels * PANEL;
  char *memory = scratch(1 + thread, forRows + sizeof(float) * (sumFloats + most * f->panels * PANEL));
  float *summed = (float *)memory, *sums = (float *)(memory + forRows), *packed = sums + sumFloats;
  for (int unit = begin; unit < end; unit++) {
    int block = unit % f->blocks, chunk = unit / f->blocks;
    int c = blockStart(block, t->paddedC), width = widthAt(c, t->paddedC), depth = g->slots * width;
    float *into = blockSums(f, chunk, c);
    memset(into, 0, sizeof(float) * depth * f->panels * PANEL);
    int first = (int)((int64_t)tiles * chunk / f->chunks), last = (int)((int64_t)tiles * (chunk + 1) / f->chunks);
    for (int tile = first; tile < last; tile++) {
      int row = tile / t->columnTiles * t->rows, x0 = tile % t->columnTiles * t->pixels;
      int rows = least(t->rows, t->allRows - row), pixels = least(t->pixels, g->outSize[2] - x0), total = rows * pixels;
      const float *dy = f->dy + ((size_t)row * g->outSize[2] + x0) * outStep(g);
      sumTile(g, t, f->x, &f->taps, row, rows, x0, pixels, c, width, summed, sums, depth, width);
      packPixels(g, dy, rows, pixels, packed);
      const float *b = packed;
      for (int panel = 0; panel < f->panels; panel++) {
        int vectors = vectorsOf(outC - panel * PANEL);
        addOuter(vectors, width == 1, sums, depth, b, total, into + panel * PANEL, ld);
        b += (size_t)total * vectors * LANES;
      }
    }
  }
}

/** Adds the chunks up, for channels [begin, end). */
static void filterFinish(void *context, int begin, int end, int thread) {
  Filter *f = context;
  const Conv *g = f->g;
  const int outC = g->outC, paddedC = f->tiling.paddedC;
  const size_t row = (size_t)f->panels * PANEL;
  for (int channel = begin; channel < end; channel++) {
    int c = channel & ~15;
    while (c + widthAt(c, paddedC) <= channel) c += widthAt(c, paddedC);
    int width = widthAt(c, paddedC);
    for (int slot = 0; slot < g->slots; slot++) {
      float *to = f->dw + ((size_t)f->matrices[slot] * g->inC + channel) * outStep(g);
      size_t at = ((size_t)slot * width + channel - c) * row;
      memcpy(to, blockSums(f, 0, c) + at, sizeof(float) * outC);
      for (int chunk = 1; chunk < f->chunks; chunk++) {
        const float *from = blockSums(f, chunk, c) + at;
        for (int n = 0; n < outC; n++) to[n] += from[n];
      }
    }
  }
  (void)thread;
}

/** dw = S(x)ᵀ · dy of x and dy. */
static void filterGradient(const int32_t *plan, const float *const *in, float *const *out) {
  const Conv *g = (const Conv *)plan;
  const int isSmall = workOf(g) < SHARED_WORK;
  Filter f = {.g = g};
  f.tiling = tilingOf(g, CHANNELS, 1);
  f.blocks = blockCount(f.tiling.paddedC);
  f.panels = (g->outC + PANEL - 1) / PANEL;
  int tiles = f.tiling.rowTiles * f.tiling.columnTiles;
  int tilePixels = f.tiling.rows * f.tiling.pixels;
  f.chunks = least((UNITS + f.blocks - 1) / f.blocks, most(1, tiles / most(1, UNIT_PIXELS / tilePixels)));
  f.chunks = most(f.chunks, (tiles + UNIT_TILES - 1) / UNIT_TILES);
  size_t sumFloats = (size_t)f.chunks * f.tiling.paddedC * g->slots * f.panels * PANEL;
  float *memory = scratch(0, sizeof(float) * (sumFloats + 3 * tapInts(g) + g->slots));
  f.sums = memory;
  int32_t *tables = (int32_t *)(memory + sumFloats);
  f.matrices = tables + 3 * tapInts(g);
  makeTaps(g, &f.tiling, tables, &f.taps, tables + 3 * tapInts(g));
  if (g->slots < g->matrices) memset(out[0], 0, sizeof(float) * g->matrices * g->inC * outStep(g));
  for (int group = 0; group < g->groups; group++) {
    f.x = in[0] + group * g->inC;
    f.dy = in[1] + group * g->outC;
    f.dw = out[0] + group * g->outC;
    parallel(filterUnits, &f, f.blocks * f.chunks, isSmall);
    parallel(filterFinish, &f, g->inC, isSmall);
  }
}

// Both gradients

/** The sums of dy serve the gradient of the weights, too: S(x)ᵀ · dy = xᵀ · S(dy). */
typedef struct {
  Forward f;
  const float *x;
  float *dw;
  /** Parts of the tiles, each with its own [slot, paddedC][panels · PANEL] of Σ S(dy)ᵀ · x. */
  int chunks;
  float *sums;
} Both;

INLINE size_t bothFloats(const Both *b) { return (size_t)b->f.depth * b->f.panels * PANEL; }

static void bothChunks(void *context, int begin, int end, int thread) {
  Both *both = context;
  const Forward *f = &both->f;
  const Conv *g = f->g;
  const Tiling *t = &f->tiling;
  const int depth = f->depth, tiles = t->rowTiles * t->columnTiles;
  const size_t ld = (size_t)f->panels * PANEL;
  const size_t forRows = (rowBytes(g, t) + 63) / 64 * 64, most = (size_t)t->rows * t->pixels;
  char *memory = scratch(1 + thread, forRows + sizeof(float) * most * (depth + ld + PANEL));
  float *summed = (float *)memory, *sums = (float *)(memory + forRows), *packed = sums + most * depth;
  for (int chunk = begin; chunk < end; chunk++) {
    float *into = both->sums + chunk * bothFloats(both);
    memset(into, 0, sizeof(float) * bothFloats(both));
    int first = (int)((int64_t)tiles * chunk / both->chunks), last = (int)((int64_t)tiles * (chunk + 1) / both->chunks);
    for (int tile = first; tile < last; tile++) {
      int row = tile / t->columnTiles * t->rows, x0 = tile % t->columnTiles * t->pixels;
      int rows = least(t->rows, t->allRows - row), pixels = least(t->pixels, g->outSize[2] - x0), total = rows * pixels;
      size_t at = ((size_t)row * g->outSize[2] + x0) * outStep(g);
      for (int c = 0; c < t->paddedC;) {
        int width = widthAt(c, t->paddedC);
        sumTile(g, t, f->x, &f->taps, row, rows, x0, pixels, c, width, summed, sums + c, depth, t->paddedC);
        c += width;
      }
      packPixels(g, both->x + at, rows, pixels, packed);
      const float *b = packed;
      for (int panel = 0; panel < f->panels; panel++) {
        int vectors = vectorsOf(g->outC - panel * PANEL);
        addOuter(vectors, t->paddedC == 1, sums, depth, b, total, into + panel * PANEL, ld);
        b += (size_t)total * vectors * LANES;
      }
      multiplyTile(f, sums, total, f->y + at, packed + most * ld);
    }
  }
}

/** Adds the chunks up and transposes them, for rows [begin, end) of a chunk. */
static void bothFinish(void *context, int begin, int end, int thread) {
  Both *both = context;
  const Forward *f = &both->f;
  const Conv *g = f->g;
  const int paddedC = f->tiling.paddedC;
  const size_t ld = (size_t)f->panels * PANEL;
  for (int row = begin; row < end; row++) {
    int slot = row / paddedC, c = row % paddedC;
    if (c >= g->inC) continue;
    float *sums = both->sums + row * ld;
    for (int chunk = 1; chunk < both->chunks; chunk++) {
      const float *from = sums + chunk * bothFloats(both);
      for (int n = 0; n < g->outC; n++) sums[n] += from[n];
    }
    float *to = both->dw + (size_t)f->matrices[slot] * g->inC * g->outC + c;
    for (int n = 0; n < g->outC; n++) to[(size_t)n * g->inC] = sums[n];
  }
  (void)thread;
}

/** dx = S(dy) · weightsᵀ and dw = xᵀ · S(dy) of dy, weights and x, in one group; the plan is that of dx. */
static void bothGradients(const int32_t *plan, const float *const *in, float *const *out) {
  const Conv *g = (const Conv *)plan;
  const int isSmall = workOf(g) < SHARED_WORK;
  Both both = {.x = in[2], .dw = out[1]};
  Forward *f = &both.f;
  f->g = g;
  f->tiling = tilingOf(g, roundUp(g->inC, 4), 1);
  f->depth = g->slots * f->tiling.paddedC;
  f->panels = (g->outC + PANEL - 1) / PANEL;
  f->x = in[0];
  f->weights = in[1];
  f->y = out[0];
  int tiles = f->tiling.rowTiles * f->tiling.columnTiles, tilePixels = f->tiling.rows * f->tiling.pixels;
  both.chunks = least(UNITS, most(1, tiles / most(1, UNIT_PIXELS / tilePixels)));
  both.chunks = most(both.chunks, (tiles + UNIT_TILES - 1) / UNIT_TILES);
  size_t packedFloats = bothFloats(&both), sumFloats = both.chunks * packedFloats;
  float *memory = scratch(0, sizeof(float) * (packedFloats + sumFloats + 3 * tapInts(g) + g->slots));
  f->packed = memory;
  both.sums = memory + packedFloats;
  int32_t *tables = (int32_t *)(both.sums + sumFloats);
  f->matrices = tables + 3 * tapInts(g);
  makeTaps(g, &f->tiling, tables, &f->taps, tables + 3 * tapInts(g));
  if (g->slots < g->matrices) memset(out[1], 0, sizeof(float) * g->matrices * g->inC * g->outC);
  parallel(packWeights, f, f->panels, isSmall || packedFloats < 1 << 14);
  parallel(bothChunks, &both, both.chunks, isSmall);
  parallel(bothFinish, &both, f->depth, isSmall || sumFloats < 1 << 16);
}
