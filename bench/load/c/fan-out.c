// One publisher sends messages to the server, which passes each on to all subscribers. The next message goes out when
// every subscriber has an earlier one; `depth` of them are outstanding. What is counted are deliveries. Compressed are
// only these: the publisher's own connection would add the same to all servers.
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

#define VERIFIED_AT_LEAST 3

static struct connection publisher, *subscribers;
static struct cycle load;
static uint64_t *missing; // by message, modulo `depth`: the subscribers that do not have it yet
static uint64_t published, completed, publish_until;

static void publish(uint64_t count) {
  for (uint64_t i = 0; i < count; i++) missing[published++ % options.depth] = options.connections;
  outstanding += count * options.connections;
  queue_messages(&publisher, count);
}

static void open_fan_out(void) {
  load = make_load_cycle(false);
  missing = allocate(options.depth * sizeof *missing);
  subscribers = allocate(options.connections * sizeof *subscribers);
  open_connection(&publisher, -1, "/publish", false);
  send_from(&publisher, &load);
  for (size_t i = 0; i < options.connections; i++) open_connection(&subscribers[i], (int)i, "/subscribe", options.deflates);
  // An answer to a ping says that the server has done everything that it does for a new connection.
  for (size_t i = 0; i < options.connections; i++) queue_control(&subscribers[i], OPCODE_PING, NULL, 0);
  double start = now_seconds();
  while (pongs < options.connections) {
    turn(0.1);
    if (now_seconds() - start > 15) fail("%llu of %zu subscribers answered a ping", (unsigned long long)pongs, options.connections);
  }
}

static void message_arrived(struct connection *c) {
  if (c == &publisher) fail("the publisher got a message");
  // Each subscriber gets them in order, so this is the message with the number c->messages - 1.
  if (c->messages > published) fail("connection %d: more messages than were published", c->number);
  outstanding--;
  if (--missing[(c->messages - 1) % options.depth] == 0) completed++;
}

static void read_ended(struct connection *c) {
  (void)c;
  // `refills` ends with the time of a run, `publish_until` with the messages of a verification.
  uint64_t wanted = least(completed + options.depth, publish_until);
  if (refills && wanted > published) publish(wanted - published);
}

static void publish_all(uint64_t count, double deadline) {
  publish_until = published + count;
  refills = true;
  publish(least(options.depth, count));
  run_until_quiet(deadline);
  refills = false;
}

// Messages of different content; every subscriber compares each byte of all of them.
static void verify(void) {
  size_t bytes = options.message_bytes, count = options.depth > VERIFIED_AT_LEAST ? options.depth : VERIFIED_AT_LEAST;
  uint8_t *payloads = allocate(count * bytes + 1);
  for (size_t k = 0; k < count; k++) fill_payload(payloads + k * bytes, bytes, options.type, arrivals + k + 7);
  struct cycle cycle = make_cycle(count, payloads, false);
  uint64_t before = arrivals;
  for (size_t i = 0; i < options.connections; i++) expect(&subscribers[i], payloads, count * bytes);
  send_from(&publisher, &cycle);
  publish_all(count, 1e300);
  for (size_t i = 0; i < options.connections; i++) require_complete(&subscribers[i]);
  send_from(&publisher, &load);
  free_cycle(&cycle);
  free(payloads);
  printf("{\"verifiedMessages\":%llu,\"verifiedBytes\":%llu}\n", (unsigned long long)(arrivals - before),
         (unsigned long long)((arrivals - before) * bytes));
}

static void run(double seconds) {
  uint64_t before = arrivals, bytes_before = received_bytes;
  double cpu = cpu_micros(), start = now_seconds();
  publish_all(UINT64_MAX / 2, start + seconds);
  double end = now_seconds();
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"cpuMicros\":%.0f,\"receivedBytes\":%llu}\n", (unsigned long long)(arrivals - before),
         end - start, cpu_micros() - cpu, (unsigned long long)(received_bytes - bytes_before));
}

const struct kind fan_out_kind = {
    .name = "fan-out", .open = open_fan_out, .message_arrived = message_arrived, .read_ended = read_ended, .verify = verify, .run = run};
