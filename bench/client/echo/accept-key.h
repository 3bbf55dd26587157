// Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 4.2.2): SHA-1 (RFC 3174) and Base64 (RFC 4648 4), as far as that needs.
#ifndef ACCEPT_KEY_H
#define ACCEPT_KEY_H

#include <stddef.h>

enum { ACCEPT_KEY_CHARACTERS = 28 };

// Writes 28 characters and a zero byte.
void accept_key(char out[ACCEPT_KEY_CHARACTERS + 1], const char *key, size_t key_length);

#endif
