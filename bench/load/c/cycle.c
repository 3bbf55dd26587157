#include <stdlib.h>
#include <string.h>

#include "load.h"

#define CYCLE_TARGET_BYTES (64 * 1024)
#define MOST_FRAMES 64

struct cycle make_cycle(size_t count, const uint8_t *payloads, bool deflates) {
  static uint64_t random;
  if (random == 0) random = random_from_seed(99);
  size_t length = options.message_bytes, room = deflates ? deflated_at_most(length) : length;
  size_t frame_bytes = client_frame_bytes(room);
  uint8_t first = options.opcode | (deflates ? RSV1 : 0), *deflated = deflates ? allocate(room) : NULL;
  struct cycle cycle = {.count = count, .frames = allocate(2 * count * frame_bytes), .ends = allocate(count * sizeof(size_t))};
  for (size_t i = 0; i < count; i++) {
    const uint8_t *payload = payloads + i * options.message_bytes;
    if (deflates) {
      length = deflate_message(deflated, payload, options.message_bytes);
      payload = deflated;
    }
    cycle.cycle_bytes += encode_client_frame(cycle.frames + cycle.cycle_bytes, first, payload, length, &random);
    cycle.ends[i] = cycle.cycle_bytes;
  }
  free(deflated);
  // A large frame wraps instead: its copy would cost more of the processor's cache than a second send.
  cycle.frames_bytes = cycle.cycle_bytes;
  if (frame_bytes < CYCLE_TARGET_BYTES) {
    memcpy(cycle.frames + cycle.cycle_bytes, cycle.frames, cycle.cycle_bytes);
    cycle.frames_bytes *= 2;
  }
  return cycle;
}

void free_cycle(struct cycle *cycle) {
  free(cycle->frames);
  free(cycle->ends);
}

struct cycle make_load_cycle(bool deflates) {
  size_t count = least(CYCLE_TARGET_BYTES / client_frame_bytes(options.message_bytes), MOST_FRAMES);
  if (count == 0) count = 1;
  uint8_t *payloads = allocate(count * options.message_bytes + 1);
  for (size_t i = 0; i < count; i++) fill_payload(payloads + i * options.message_bytes, options.message_bytes, options.type, i);
  struct cycle cycle = make_cycle(count, payloads, deflates);
  free(payloads);
  return cycle;
}

uint64_t take_from_cycle(const struct cycle *cycle, size_t *next, size_t count) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    bytes += cycle->ends[*next] - (*next == 0 ? 0 : cycle->ends[*next - 1]);
    *next = *next + 1 == cycle->count ? 0 : *next + 1;
  }
  return bytes;
}

size_t end_of_frame(const struct cycle *cycle, size_t offset) {
  if (offset == 0) return 0;
  size_t i = 0;
  while (cycle->ends[i] < offset) i++;
  return cycle->ends[i];
}
