#define _GNU_SOURCE
#include "parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_THREADS 64
/** How often a thread looks for new work before it sleeps: some tens of microseconds. */
#define SPINS 4000

static struct {
  Work work;
  void *context;
  int units;
  int step;
  atomic_int next;
} job;

static int count;
/** Counts the jobs; workers wait for it to change. */
static atomic_uint generation;
/** Workers inside the job, or CLOSED: those that come late find nothing to do, and nobody waits for them. */
static atomic_int inside = -1;
#define CLOSED -1
static atomic_int asleep;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static pthread_once_t started = PTHREAD_ONCE_INIT;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void run(int thread) {
  for (;;) {
    int begin = atomic_fetch_add(&job.next, job.step);
    if (begin >= job.units) return;
    int end = begin + job.step < job.units ? begin + job.step : job.units;
    job.work(job.context, begin, end, thread);
  }
}

static void *worker(void *argument) {
  int thread = (int)(size_t)argument;
  unsigned seen = 0;
  for (;;) {
    int spins = 0;
    while (atomic_load(&generation) == seen && spins < SPINS) {
      pause_briefly();
      spins++;
    }
    if (atomic_load(&generation) == seen) {
      pthread_mutex_lock(&mutex);
      atomic_fetch_add(&asleep, 1);
      while (atomic_load(&generation) == seen) pthread_cond_wait(&wake, &mutex);
      atomic_fetch_sub(&asleep, 1);
      pthread_mutex_unlock(&mutex);
    }
    seen = atomic_load(&generation);
    int others = atomic_load(&inside);
    while (others != CLOSED && !atomic_compare_exchange_weak(&inside, &others, others + 1)) {}
    if (others == CLOSED) continue;
    run(thread);
    atomic_fetch_sub(&inside, 1);
  }
  return NULL;
}

static int processors(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static void start(void) {
  const char *wanted = getenv("TF_NUM_INTRAOP_THREADS");
  int given = wanted ? atoi(wanted) : 0;
  count = given > 0 ? given : processors();
  if (count > MAX_THREADS) count = MAX_THREADS;
  if (count < 1) count = 1;
  for (int i = 1; i < count; i++) {
    pthread_t id;
    if (pthread_create(&id, NULL, worker, (void *)(size_t)i) != 0) {
      count = i;
      break;
    }
    pthread_detach(id);
  }
}

int threads(void) {
  pthread_once(&started, start);
  return count;
}

void parallel(Work work, void *context, int units, int isSmall) {
  int sharing = threads();
  if (units <= 0) return;
  if (sharing == 1 || units == 1 || isSmall) {
    work(context, 0, units, 0);
    return;
  }
  job.work = work;
  job.context = context;
  job.units = units;
  job.step = units > 8 * sharing ? units / (8 * sharing) : 1;
  atomic_store(&job.next, 0);
  atomic_store(&inside, 0);
  atomic_fetch_add(&generation, 1);
  if (atomic_load(&asleep) > 0) {
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&mutex);
  }
  run(0);
  int none = 0;
  for (int spins = 0; !atomic_compare_exchange_weak(&inside, &none, CLOSED); spins++) {
    none = 0;
    if (spins < SPINS) pause_briefly();
    else sched_yield();
  }
}
