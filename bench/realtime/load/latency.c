// Latencies, in buckets that are never wider than a five-hundredth of what they hold.
#include <string.h>

#include "load.h"

enum { FINE = 1024, STEPS = 512, BUCKETS = FINE + 24 * STEPS };

static uint64_t counts[BUCKETS];
static uint64_t total;

void forget_latencies(void) {
  memset(counts, 0, sizeof counts);
  total = 0;
}

// Below FINE microseconds each has a bucket of its own; above, each power of two has STEPS.
static size_t bucket_of(uint64_t micros) {
  if (micros < FINE) return (size_t)micros;
  int shift = 63 - __builtin_clzll(micros) - 9;
  size_t bucket = FINE + (size_t)(shift - 1) * STEPS + (size_t)(micros >> shift) - STEPS;
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double micros_of(size_t bucket) {
  if (bucket < FINE) return (double)bucket;
  size_t shift = (bucket - FINE) / STEPS + 1;
  return (double)(((bucket - FINE) % STEPS + STEPS) << shift);
}

void add_latency(double seconds) {
  counts[bucket_of((uint64_t)(seconds * 1e6))]++;
  total++;
}

double latency_micros(double percent) {
  double wanted = (double)total * percent / 100;
  uint64_t sum = 0;
  for (size_t i = 0; i < BUCKETS && total > 0; i++) {
    sum += counts[i];
    if ((double)sum >= wanted) return micros_of(i);
  }
  return 0;
}
