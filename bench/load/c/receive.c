#include <stdlib.h>
#include <string.h>

#include "load.h"

static void message_ended(struct connection *c) {
  c->arrived++;
  c->messages++;
  arrivals++;
  kind->message_arrived(c);
}

static void compare(struct connection *c, const uint8_t *bytes, size_t length) {
  if (c->expected_at + length > c->expected_bytes) fail("verification failed on connection %d: more bytes than sent", c->number);
  const uint8_t *expected = c->expected + c->expected_at;
  if (memcmp(expected, bytes, length) != 0) {
    size_t i = 0;
    while (expected[i] == bytes[i]) i++;
    fail("verification failed on connection %d: byte %zu of what arrived is 0x%02x, expected 0x%02x", c->number, c->expected_at + i, bytes[i],
         expected[i]);
  }
  c->expected_at += length;
}

static void collect(struct connection *c, const uint8_t *bytes, size_t length) {
  if (c->compressed_bytes + length > c->compressed_room) {
    c->compressed_room = 2 * (c->compressed_bytes + length);
    c->compressed = realloc(c->compressed, c->compressed_room);
    if (c->compressed == NULL) fail("out of memory");
  }
  memcpy(c->compressed + c->compressed_bytes, bytes, length);
  c->compressed_bytes += length;
}

static void compare_inflated(struct connection *c) {
  static uint8_t *inflated;
  if (inflated == NULL) inflated = allocate(options.message_bytes + 1);
  if (!c->is_compressed) fail("verification failed on connection %d: a message came uncompressed", c->number);
  size_t length = inflate_message(inflated, options.message_bytes, c->compressed, c->compressed_bytes);
  if (length != options.message_bytes) fail("verification failed on connection %d: a message of %zu bytes", c->number, length);
  compare(c, inflated, length);
  c->compressed_bytes = 0;
}

void expect(struct connection *c, const uint8_t *payloads, size_t bytes) {
  c->expected = payloads;
  c->expected_bytes = bytes;
  c->expected_at = 0;
}

void require_complete(struct connection *c) {
  if (c->expected_at != c->expected_bytes)
    fail("verification failed on connection %d: %zu of %zu bytes", c->number, c->expected_at, c->expected_bytes);
  c->expected = NULL;
  free(c->compressed);
  c->compressed = NULL;
  c->compressed_room = 0;
}

static void end_frame(struct connection *c) {
  if (c->opcode == OPCODE_PING) {
    queue_control(c, OPCODE_PONG, c->control, c->control_have);
  } else if (c->opcode == OPCODE_PONG) {
    pongs++;
  } else if (c->opcode == OPCODE_CLOSE) {
    int code = c->control_have >= 2 ? c->control[0] << 8 | c->control[1] : 1005;
    fail("connection %d: the server closed with %d %.*s", c->number, code, c->control_have > 2 ? (int)c->control_have - 2 : 0, c->control + 2);
  } else if (c->is_final) {
    if (c->expected != NULL && c->deflates) compare_inflated(c);
    else if (!c->deflates && c->message_bytes != options.message_bytes)
      fail("connection %d: a message of %llu bytes, expected %zu", c->number, (unsigned long long)c->message_bytes, options.message_bytes);
    c->in_message = false;
    message_ended(c);
  }
}

// Reads a frame header at `bytes` and returns its length, or 0 when more bytes are needed.
static size_t read_header(struct connection *c, const uint8_t *bytes, size_t available) {
  if (available < 2) return 0;
  size_t header_bytes = 2;
  uint64_t length = bytes[1] & 0x7f;
  if (length == 126) {
    header_bytes = 4;
    if (available < 4) return 0;
    length = (uint64_t)bytes[2] << 8 | bytes[3];
  } else if (length == 127) {
    header_bytes = 10;
    if (available < 10) return 0;
    length = 0;
    for (int i = 2; i < 10; i++) length = length << 8 | bytes[i];
  }
  // RSV1 marks a compressed message, on its first frame (RFC 7692 6).
  bool may_be_compressed = c->deflates && !c->in_message && (bytes[0] & 0x0f) < OPCODE_CLOSE;
  if (bytes[0] & (may_be_compressed ? 0x30 : 0x70) || bytes[1] & 0x80)
    fail("connection %d: a server frame with RSV bits or a mask: %02x %02x", c->number, bytes[0], bytes[1]);
  c->is_final = bytes[0] & 0x80;
  c->opcode = bytes[0] & 0x0f;
  c->frame_remaining = length;
  if (c->opcode >= OPCODE_CLOSE) {
    if (length > sizeof c->control) fail("connection %d: control frame of %llu bytes", c->number, (unsigned long long)length);
    c->control_have = 0;
  } else {
    if (c->opcode != (c->in_message ? OPCODE_CONTINUATION : options.opcode))
      fail("connection %d: a message with opcode %d, expected %d", c->number, c->opcode, options.opcode);
    if (!c->in_message) c->is_compressed = bytes[0] & RSV1;
    c->message_bytes = (c->in_message ? c->message_bytes : 0) + length;
    c->in_message = true;
  }
  return header_bytes;
}

static void take_payload(struct connection *c, const uint8_t *bytes, size_t length) {
  if (c->opcode >= OPCODE_CLOSE) {
    memcpy(c->control + c->control_have, bytes, length);
    c->control_have += length;
  } else if (c->expected != NULL) {
    if (c->deflates) collect(c, bytes, length);
    else compare(c, bytes, length);
  }
  c->frame_remaining -= length;
  if (c->frame_remaining == 0) end_frame(c);
}

void take_frames(struct connection *c, const uint8_t *bytes, size_t available) {
  while (available > 0) {
    size_t used;
    if (c->frame_remaining > 0) {
      used = least(c->frame_remaining, available);
      take_payload(c, bytes, used);
    } else if (c->header_have == 0 && (used = read_header(c, bytes, available)) > 0) {
      if (c->frame_remaining == 0) end_frame(c);
    } else { // a header that spans reads
      used = 1;
      c->header[c->header_have++] = *bytes;
      if (read_header(c, c->header, c->header_have) > 0) {
        c->header_have = 0;
        if (c->frame_remaining == 0) end_frame(c);
      }
    }
    bytes += used;
    available -= used;
  }
}

void take_discarded(struct connection *c, size_t length) {
  c->frame_remaining -= (uint64_t)length;
  if (c->frame_remaining == 0) end_frame(c);
}

// The masked frames come back as they went out.
void take_plain_bytes(struct connection *c, const uint8_t *bytes, size_t length) {
  if (c->expected != NULL) compare(c, bytes, length);
  uint64_t frame_bytes = client_frame_bytes(options.message_bytes);
  for (c->message_bytes += length; c->message_bytes >= frame_bytes; c->message_bytes -= frame_bytes) message_ended(c);
}
