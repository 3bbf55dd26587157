// Messages at a fixed rate, spread over all connections, whether earlier ones are back or not. A message's latency counts
// from when it was due, not from when it was sent: a server (or a generator) that hangs for a moment would otherwise
// hide how long the messages of that moment had to wait.
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "load.h"

static double first_due; // 0 while nothing is measured
static double *latencies;
static uint64_t sent, measured;

static double due_at(uint64_t message) { return first_due + (double)message / options.rate; }

static void message_arrived(struct connection *c) {
  count_reply(c);
  if (first_due == 0) return;
  // The connections take turns and each gets its replies in order.
  uint64_t message = (c->messages - 1) * options.connections + (uint64_t)c->number;
  latencies[measured++] = now_seconds() - due_at(message);
}

static void read_ended(struct connection *c) { (void)c; }

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double micros_at(double share) { return latencies[least((uint64_t)(share * (double)measured), measured - 1)] * 1e6; }

static void run(double seconds) {
  uint64_t count = (uint64_t)(options.rate * seconds), bytes_before = received_bytes;
  if (count < options.connections) count = options.connections;
  count -= count % options.connections;
  for (size_t i = 0; i < options.connections; i++) echoing[i].messages = 0;
  latencies = allocate(count * sizeof *latencies);
  sent = measured = 0;
  // Timers end within a microsecond instead of fifty (prctl(2)).
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  double cpu = cpu_micros(), start = now_seconds(), now = start, latest = 0;
  first_due = start;
  while (sent < count) {
    now = now_seconds();
    for (; sent < count && due_at(sent) <= now; sent++) {
      if (now - due_at(sent) > latest) latest = now - due_at(sent);
      send_messages(&echoing[sent % options.connections], 1);
    }
    if (sent < count) {
      double wait = due_at(sent) - now_seconds();
      turn(wait > 0 ? wait : 0);
    }
  }
  double end = run_until_quiet(0);
  first_due = 0;
  qsort(latencies, measured, sizeof *latencies, by_size);
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"cpuMicros\":%.0f,\"receivedBytes\":%llu,\"latestMicros\":%.1f,"
         "\"latencyMicros\":{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}}\n",
         (unsigned long long)measured, end - start, cpu_micros() - cpu, (unsigned long long)(received_bytes - bytes_before), latest * 1e6,
         micros_at(0.5), micros_at(0.99), micros_at(0.999), micros_at(1));
  free(latencies);
}

const struct kind latency_kind = {
    .name = "latency", .open = open_echo, .message_arrived = message_arrived, .read_ended = read_ended, .verify = verify_echo, .run = run};
