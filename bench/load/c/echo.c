// Every connection keeps `depth` messages in flight and sends the next when one is back.
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

#define VERIFIED_TARGET_BYTES (64 * 1024)
#define VERIFIED_AT_A_TIME_BYTES (4 * 1024 * 1024)

struct connection *echoing;
static struct cycle load;

void send_messages(struct connection *c, uint32_t count) {
  c->outstanding += count;
  outstanding += count;
  queue_messages(c, count);
}

void open_echo(void) {
  load = make_load_cycle(options.deflates);
  echoing = allocate(options.connections * sizeof *echoing);
  for (size_t i = 0; i < options.connections; i++) {
    open_connection(&echoing[i], (int)i, "/", options.deflates);
    send_from(&echoing[i], &load);
  }
}

void count_reply(struct connection *c) {
  if (c->outstanding == 0) fail("connection %d: more replies than messages", c->number);
  c->outstanding--;
  outstanding--;
}

static void read_ended(struct connection *c) {
  if (refills) send_messages(c, c->arrived);
}

// Every connection sends messages of its own content and compares each byte of the echo; as many at a time as keeps
// small what has to be remembered of them.
void verify_echo(void) {
  size_t bytes = options.message_bytes;
  size_t count = bytes <= VERIFIED_TARGET_BYTES ? options.depth : least(options.depth, 2);
  size_t at_a_time = least(options.connections, VERIFIED_AT_A_TIME_BYTES / (count * bytes + 1) + 1);
  uint8_t *payloads = allocate(at_a_time * count * bytes + 1);
  struct cycle *cycles = allocate(at_a_time * sizeof *cycles);
  uint64_t before = arrivals;
  for (size_t first = 0; first < options.connections; first += at_a_time) {
    size_t group = least(at_a_time, options.connections - first);
    for (size_t k = 0; k < group * count; k++) fill_payload(payloads + k * bytes, bytes, options.type, before + first * count + k + 7);
    for (size_t i = 0; i < group; i++) {
      struct connection *c = &echoing[first + i];
      cycles[i] = make_cycle(count, payloads + i * count * bytes, options.deflates);
      if (options.is_websocket) expect(c, payloads + i * count * bytes, count * bytes);
      else expect(c, cycles[i].frames, cycles[i].cycle_bytes);
      send_from(c, &cycles[i]);
      send_messages(c, (uint32_t)count);
    }
    run_until_quiet(0);
    for (size_t i = 0; i < group; i++) {
      require_complete(&echoing[first + i]);
      send_from(&echoing[first + i], &load);
      free_cycle(&cycles[i]);
    }
  }
  free(cycles);
  free(payloads);
  printf("{\"verifiedMessages\":%llu,\"verifiedBytes\":%llu}\n", (unsigned long long)(arrivals - before),
         (unsigned long long)((arrivals - before) * bytes));
}

static void run(double seconds) {
  uint64_t before = arrivals, bytes_before = received_bytes;
  double cpu = cpu_micros(), start = now_seconds();
  refills = true;
  for (size_t i = 0; i < options.connections; i++) send_messages(&echoing[i], (uint32_t)options.depth);
  double end = run_until_quiet(start + seconds);
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"cpuMicros\":%.0f,\"receivedBytes\":%llu}\n", (unsigned long long)(arrivals - before),
         end - start, cpu_micros() - cpu, (unsigned long long)(received_bytes - bytes_before));
}

const struct kind echo_kind = {
    .name = "echo", .open = open_echo, .message_arrived = count_reply, .read_ended = read_ended, .verify = verify_echo, .run = run};
