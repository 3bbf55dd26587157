#include "frames.h"

#include <stdio.h>
#include <string.h>

// xorshift64
static uint64_t next_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return *state = x;
}

uint64_t random_from_seed(uint64_t seed) {
  uint64_t state = seed * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull;
  if (state == 0) state = 1;
  for (int i = 0; i < 4; i++) next_random(&state);
  return state;
}

// Records as an application would send them: the same keys again and again, few words, numbers that differ. zlib makes
// a third of 1 KiB of it. It is cut off where the length is reached, and need not parse.
static void fill_json(uint8_t *out, size_t length, uint64_t *state) {
  static const char *const rooms[] = {"kitchen", "harbour", "library", "platform 4", "north gate", "workshop", "canteen", "roof"};
  static const char *const states[] = {"open", "closed", "waiting", "unknown"};
  size_t at = 0;
  char record[256];
  while (at < length) {
    uint64_t a = next_random(state) >> 16, b = next_random(state) >> 16;
    int bytes = snprintf(record, sizeof record, "%s{\"id\":%u,\"room\":\"%s\",\"state\":\"%s\",\"temperature\":%u.%u,\"since\":\"2026-0%u-1%uT0%u:%02u:00Z\",\"people\":%u}",
                         at == 0 ? "[" : ",", (unsigned)(a % 1000000), rooms[(a >> 20) & 7], states[(a >> 23) & 3], (unsigned)(b % 30),
                         (unsigned)(b >> 5) % 10, (unsigned)(b >> 10) % 9 + 1, (unsigned)(b >> 14) % 10, (unsigned)(b >> 18) % 10,
                         (unsigned)(b >> 22) % 60, (unsigned)(b >> 28) % 50);
    size_t part = (size_t)bytes < length - at ? (size_t)bytes : length - at;
    memcpy(out + at, record, part);
    at += part;
  }
}

void fill_payload(uint8_t *out, size_t length, enum payload_type type, uint64_t seed) {
  uint64_t state = random_from_seed(seed);
  if (type == PAYLOAD_JSON) {
    fill_json(out, length, &state);
    return;
  }
  size_t at = 0;
  while (at < length) {
    uint64_t r = next_random(&state) >> 16;
    if (type == PAYLOAD_BINARY) {
      out[at++] = (uint8_t)r;
    } else if (type == PAYLOAD_TEXT || (r & 3) == 0 || length - at < 3) {
      out[at++] = (uint8_t)(0x20 + (r >> 2) % 0x5f); // printable ASCII
    } else if ((r & 3) == 1) {
      out[at++] = (uint8_t)(0xd0 + ((r >> 2) & 3)); // U+0400 to U+04FF, two bytes
      out[at++] = (uint8_t)(0x80 + ((r >> 4) & 63));
    } else {
      out[at++] = (uint8_t)(0xe5 + ((r >> 2) & 3)); // U+5000 to U+8FFF, three bytes
      out[at++] = (uint8_t)(0x80 + ((r >> 4) & 63));
      out[at++] = (uint8_t)(0x80 + ((r >> 10) & 63));
    }
  }
}

size_t client_frame_bytes(size_t payload_bytes) {
  size_t length_bytes = payload_bytes < 126 ? 0 : payload_bytes < 65536 ? 2 : 8;
  return 2 + length_bytes + 4 + payload_bytes;
}

size_t encode_client_frame(uint8_t *out, uint8_t first, const uint8_t *payload, size_t length, uint64_t *random) {
  size_t at = 0;
  out[at++] = (uint8_t)(0x80 | first);
  if (length < 126) {
    out[at++] = (uint8_t)(0x80 | length);
  } else if (length < 65536) {
    out[at++] = 0x80 | 126;
    out[at++] = (uint8_t)(length >> 8);
    out[at++] = (uint8_t)length;
  } else {
    out[at++] = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) out[at++] = (uint8_t)((uint64_t)length >> shift);
  }
  uint8_t mask[4];
  uint64_t r = next_random(random) >> 16;
  memcpy(mask, &r, 4);
  memcpy(out + at, mask, 4);
  at += 4;
  for (size_t i = 0; i < length; i++) out[at + i] = payload[i] ^ mask[i & 3];
  return at + length;
}
