// SHA-1 and Base64 as they stand in their RFCs, for one key at a time: an echo server answers few handshakes.
#include "accept-key.h"

#include <stdint.h>
#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
enum { BLOCK_BYTES = 64, DIGEST_BYTES = 20, MOST_BLOCKS = 3 };

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static void take_block(uint32_t state[5], const uint8_t *block) {
  uint32_t w[80];
  for (int t = 0; t < 16; t++) w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
  for (int t = 16; t < 80; t++) w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (int t = 0; t < 80; t++) {
    uint32_t f = t < 20 ? ((b & c) | (~b & d)) + 0x5a827999 : t < 40 ? (b ^ c ^ d) + 0x6ed9eba1 : t < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc : (b ^ c ^ d) + 0xca62c1d6;
    uint32_t next = rotate(a, 5) + f + e + w[t];
    e = d;
    d = c;
    c = rotate(b, 30);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

void accept_key(char out[ACCEPT_KEY_CHARACTERS + 1], const char *key, size_t key_length) {
  uint8_t message[MOST_BLOCKS * BLOCK_BYTES] = {0};
  size_t length = key_length + strlen(GUID);
  if (length + 9 > sizeof message) {
    out[0] = 0;
    return;
  }
  memcpy(message, key, key_length);
  memcpy(message + key_length, GUID, strlen(GUID));
  message[length] = 0x80;
  size_t blocks = (length + 9 + BLOCK_BYTES - 1) / BLOCK_BYTES;
  uint64_t bits = (uint64_t)length * 8;
  for (int i = 0; i < 8; i++) message[blocks * BLOCK_BYTES - 1 - (size_t)i] = (uint8_t)(bits >> (8 * i));
  uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (size_t i = 0; i < blocks; i++) take_block(state, message + i * BLOCK_BYTES);

  uint8_t digest[DIGEST_BYTES + 1] = {0};
  for (int i = 0; i < DIGEST_BYTES; i++) digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0; i < 7; i++) {
    uint32_t three = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 | digest[3 * i + 2];
    for (int k = 0; k < 4; k++) out[4 * i + k] = alphabet[three >> (18 - 6 * k) & 63];
  }
  out[ACCEPT_KEY_CHARACTERS - 1] = '=';
  out[ACCEPT_KEY_CHARACTERS] = 0;
}
