// Every connection keeps `depth` messages in flight and sends the next when one is back.
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

#define VERIFIED_TARGET_BYTES (64 * 1024)

static struct connection *connections;
static struct cycle load;

static void send_messages(struct connection *c, uint32_t count) {
  c->outstanding += count;
  outstanding += count;
  queue_messages(c, count);
}

static void open_echo(void) {
  load = make_load_cycle(options.deflates);
  connections = allocate(options.connections * sizeof *connections);
  for (size_t i = 0; i < options.connections; i++) {
    open_connection(&connections[i], (int)i, "/", options.deflates);
    send_from(&connections[i], &load);
  }
}

static void message_arrived(struct connection *c) {
  if (c->outstanding == 0) fail("connection %d: more replies than messages", c->number);
  c->outstanding--;
  outstanding--;
}

static void read_ended(struct connection *c) {
  if (refills) send_messages(c, c->arrived);
}

// Every connection in turn sends messages of its own content and compares each byte of the echo.
static void verify(void) {
  size_t bytes = options.message_bytes;
  size_t count = bytes <= VERIFIED_TARGET_BYTES ? options.depth : least(options.depth, 2);
  uint8_t *payloads = allocate(count * bytes + 1);
  uint64_t before = arrivals;
  for (size_t i = 0; i < options.connections; i++) {
    struct connection *c = &connections[i];
    for (size_t k = 0; k < count; k++) fill_payload(payloads + k * bytes, bytes, options.type, arrivals + i * count + k + 7);
    struct cycle cycle = make_cycle(count, payloads, options.deflates);
    if (options.is_websocket) expect(c, payloads, count * bytes);
    else expect(c, cycle.frames, cycle.cycle_bytes);
    send_from(c, &cycle);
    send_messages(c, (uint32_t)count);
    run_until_quiet(0);
    require_complete(c);
    send_from(c, &load);
    free_cycle(&cycle);
  }
  free(payloads);
  printf("{\"verifiedMessages\":%llu,\"verifiedBytes\":%llu}\n", (unsigned long long)(arrivals - before),
         (unsigned long long)((arrivals - before) * bytes));
}

static void run(double seconds) {
  uint64_t before = arrivals, bytes_before = received_bytes;
  double cpu = cpu_micros(), start = now_seconds();
  refills = true;
  for (size_t i = 0; i < options.connections; i++) send_messages(&connections[i], (uint32_t)options.depth);
  double end = run_until_quiet(start + seconds);
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"cpuMicros\":%.0f,\"receivedBytes\":%llu}\n", (unsigned long long)(arrivals - before),
         end - start, cpu_micros() - cpu, (unsigned long long)(received_bytes - bytes_before));
}

const struct kind echo_kind = {
    .name = "echo", .open = open_echo, .message_arrived = message_arrived, .read_ended = read_ended, .verify = verify, .run = run};
