// Payloads and masked client frames, made before anything is measured (RFC 6455 5.2 and 5.3).
// Everything here is deterministic: a seed names a payload, so that a reply can be compared byte by byte.
#ifndef FRAMES_H
#define FRAMES_H

#include <stddef.h>
#include <stdint.h>

enum payload_type { PAYLOAD_BINARY, PAYLOAD_TEXT, PAYLOAD_UNICODE, PAYLOAD_JSON };

enum { OPCODE_CONTINUATION = 0x0, OPCODE_TEXT = 0x1, OPCODE_BINARY = 0x2, OPCODE_CLOSE = 0x8, OPCODE_PING = 0x9, OPCODE_PONG = 0xa };
enum { RSV1 = 0x40 };

// Mask keys need not be unpredictable towards a server that we started ourselves.
uint64_t random_from_seed(uint64_t seed);
void fill_payload(uint8_t *out, size_t length, enum payload_type type, uint64_t seed);
size_t client_frame_bytes(size_t payload_bytes);
// Writes one final, masked frame and returns its length. `first` is the opcode, with RSV1 or without.
size_t encode_client_frame(uint8_t *out, uint8_t first, const uint8_t *payload, size_t length, uint64_t *random);

#endif
