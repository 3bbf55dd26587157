// The load generator: one thread, epoll, frames encoded before the clock starts, replies counted by their headers. The
// bench drives it with lines on stdin ("verify", "run <seconds>") and reads one JSON object per line from stdout; see
// ../generator.mjs for the other end. This header is what its parts know of each other, file by file.
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frames.h"

// ---- base.c: failing, time and memory

// Ends the program with a line that the bench shows to a person.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
double now_seconds(void);
double cpu_micros(void);
void *allocate(size_t bytes);
static inline size_t least(uint64_t a, uint64_t b) { return (size_t)(a < b ? a : b); }

// ---- main.c: the options

struct options {
  bool is_websocket; // otherwise the server returns bytes without any framing
  enum payload_type type;
  uint8_t opcode;
  const char *host;
  int port;
  size_t connections, message_bytes;
  size_t depth;  // messages in flight: per connection, or of a fan-out
  bool deflates; // the connections that the load is for offer permessage-deflate
  bool cuts;     // connections of a handshake are cut instead of closed
  bool encrypts; // connections are TLS
  double rate;   // of messages per second, on all connections together, where that is fixed
};
extern struct options options;

// ---- deflate.c: RFC 7692 without context takeover; fails in a program without zlib

// Compresses one message and returns its length; `out` has room for deflated_at_most(length).
size_t deflate_message(uint8_t *out, const uint8_t *payload, size_t length);
size_t deflated_at_most(size_t length);
// Returns the length of the message, or `at_most` + 1 for one that is longer; fails on data that is not valid.
size_t inflate_message(uint8_t *out, size_t at_most, const uint8_t *data, size_t length);

// ---- tls.c: TLS over a connected socket; fails in a program without OpenSSL

struct connection;
// Shakes hands, waiting for it.
void open_tls(struct connection *c);
// Like recv() and send(), with EAGAIN when they would have to wait.
ptrdiff_t receive_tls(struct connection *c, void *bytes, size_t room);
ptrdiff_t send_tls(struct connection *c, const void *bytes, size_t length);

// ---- cycle.c: frames that are sent over and over

struct cycle {
  uint8_t *frames;
  size_t frames_bytes; // twice cycle_bytes for small frames, so that a send that starts in the first half never wraps
  size_t cycle_bytes;
  size_t count;
  size_t *ends; // of each frame, within the cycle
};

struct cycle make_cycle(size_t count, const uint8_t *payloads, bool deflates);
void free_cycle(struct cycle *cycle);
// The payloads of the cycle that a measurement sends: as many as keep it small.
struct cycle make_load_cycle(bool deflates);
// Bytes of the `count` frames from `*next` on, which is moved behind them.
uint64_t take_from_cycle(const struct cycle *cycle, size_t *next, size_t count);
// Where the frame that contains `offset` began, or `offset` itself between two frames.
size_t end_of_frame(const struct cycle *cycle, size_t offset);

// ---- connection.c: sockets, and turns of the event loop

struct connection {
  int fd, number;
  void *tls; // NULL without
  bool watches_output, deflates;
  // Sending.
  const struct cycle *cycle;
  size_t next_frame, offset;
  uint64_t unsent_bytes;
  uint8_t control_out[2 + 4 + 125];
  size_t control_out_bytes, control_out_sent;
  // Receiving: the frame in progress, then the message in progress.
  uint8_t header[10];
  size_t header_have, control_have;
  uint64_t frame_remaining, message_bytes;
  uint8_t opcode, control[125];
  bool is_final, in_message, is_compressed;
  uint32_t arrived; // messages that one read completed
  // What the replies must be, one after the other, while verifying; otherwise NULL.
  const uint8_t *expected;
  size_t expected_at, expected_bytes;
  uint8_t *compressed; // the message in progress, while verifying
  size_t compressed_bytes, compressed_room;
  uint64_t messages;
  uint32_t outstanding;
};

void open_loop(void);
// Connects and sends the request of the opening handshake, without waiting for anything.
void dial(struct connection *c, const char *path, bool deflates);
// Fails unless `head` is the whole answer to it.
void require_accepted(const char *head, bool deflates);
void watch(struct connection *c);
// `deflates`: offers permessage-deflate without context takeover, and insists on it.
void open_connection(struct connection *c, int number, const char *path, bool deflates);
void send_from(struct connection *c, const struct cycle *cycle);
// Queues the next frames of the connection's cycle and sends what the socket takes.
void queue_messages(struct connection *c, size_t count);
void queue_control(struct connection *c, uint8_t opcode, const uint8_t *payload, size_t length);
// One turn of epoll, which waits at most so long; below 0 is forever. Returns true when a command waits on stdin.
bool turn(double timeout_seconds);
void watch_commands(bool is_wanted);
// Runs until nothing is outstanding; from `deadline` on, `refills` is false.
double run_until_quiet(double deadline);

extern bool refills;         // an arrived message is followed by a new one
extern uint64_t outstanding; // messages that have yet to arrive
extern uint64_t arrivals, received_bytes, pongs;

// ---- receive.c: frames to messages

void take_frames(struct connection *c, const uint8_t *bytes, size_t length);
void take_plain_bytes(struct connection *c, const uint8_t *bytes, size_t length);
// Payload that the kernel threw away.
void take_discarded(struct connection *c, size_t length);
void expect(struct connection *c, const uint8_t *payloads, size_t bytes);
void require_complete(struct connection *c);

// ---- echo.c, for those who send messages and get them back

extern struct connection *echoing;
void open_echo(void);
void verify_echo(void);
void send_messages(struct connection *c, uint32_t count);
void count_reply(struct connection *c);

// ---- one file each: the kinds of load

struct kind {
  const char *name;
  void (*open)(void);
  // The socket can be read. NULL: frames are read and what they complete goes to the two below.
  void (*readable)(struct connection *c);
  // A whole message arrived: counts it.
  void (*message_arrived)(struct connection *c);
  // A read completed c->arrived messages, one at least.
  void (*read_ended)(struct connection *c);
  // Writes the answers to the commands.
  void (*verify)(void);
  void (*run)(double seconds);
};

extern const struct kind echo_kind, fan_out_kind, handshakes_kind, latency_kind;
extern const struct kind *kind;

#endif
