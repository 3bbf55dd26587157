#include "load.h"

#ifdef WITH_ZLIB
#include <string.h>
#include <zlib.h>

static const uint8_t flush_tail[] = {0x00, 0x00, 0xff, 0xff};

// What zlib promises for a whole stream, and room for the flush, which it does not count.
size_t deflated_at_most(size_t length) { return compressBound(length) + 16; }

// RFC 7692 7.2.1: flushed, without the four bytes that every flush ends with.
size_t deflate_message(uint8_t *out, const uint8_t *payload, size_t length) {
  static z_stream stream;
  static bool is_ready;
  if (!is_ready && deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) fail("zlib cannot deflate");
  is_ready = true;
  deflateReset(&stream);
  stream.next_in = (uint8_t *)payload;
  stream.avail_in = (uInt)length;
  stream.next_out = out;
  stream.avail_out = (uInt)deflated_at_most(length);
  if (deflate(&stream, Z_SYNC_FLUSH) != Z_OK || stream.avail_in > 0 || stream.avail_out == 0) fail("zlib did not deflate %zu bytes", length);
  return stream.total_out - sizeof flush_tail;
}

size_t inflate_message(uint8_t *out, size_t at_most, const uint8_t *data, size_t length) {
  static z_stream stream;
  static bool is_ready;
  if (!is_ready && inflateInit2(&stream, -15) != Z_OK) fail("zlib cannot inflate");
  is_ready = true;
  // Nothing of an earlier message may be needed: both sides promised to take no context over.
  inflateReset(&stream);
  stream.next_out = out;
  stream.avail_out = (uInt)at_most + 1;
  const struct {
    const uint8_t *bytes;
    size_t length;
  } parts[] = {{data, length}, {flush_tail, sizeof flush_tail}};
  for (int i = 0; i < 2; i++) {
    stream.next_in = (uint8_t *)parts[i].bytes;
    stream.avail_in = (uInt)parts[i].length;
    int result = inflate(&stream, Z_SYNC_FLUSH);
    if (result == Z_STREAM_END) break; // a final block ends the message as well (7.2.3.4)
    if (stream.avail_out > 0 && result != Z_OK && result != Z_BUF_ERROR) fail("verification failed: what arrived cannot be inflated: %s", stream.msg ? stream.msg : "");
  }
  return stream.total_out;
}

#else

size_t deflated_at_most(size_t length) { return length; }

size_t deflate_message(uint8_t *out, const uint8_t *payload, size_t length) {
  (void)out;
  (void)payload;
  (void)length;
  fail("this program was built without zlib");
}

size_t inflate_message(uint8_t *out, size_t at_most, const uint8_t *data, size_t length) {
  (void)at_most;
  return deflate_message(out, data, length);
}

#endif
