// The load generator of the realtime bench: one thread, epoll, WebSocket connections that speak whatever dialect the options
// describe as texts. It is driven by lines on stdin ("open 1000", "stall 1", "fan 0.5 16", "fill 1 16", "pace 2 20", "call 0.5 64 1") and answers
// with a JSON object per line.
#ifndef REALTIME_LOAD_H
#define REALTIME_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
  const char *host, *path, *protocol;
  int port;
  const char *hello;   // sent once the connection is upgraded
  const char *stalled; // the same, by one that will not read
  const char *ready;   // stands in the message that says that the hello was taken
  const char *ping;    // a message that is exactly this
  const char *pong;    // is answered with this
  const char *publish; // a message that publishes; %u is a number of its own
  const char *filling; // the same, larger: fills up who does not read
  const char *call;    // a message that asks for a reply; %u is a number of its own
  const char *mark;    // stands once in each publication and in each reply that arrives
};
extern struct options options;

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
double now_seconds(void);
double cpu_micros(void);

struct connection {
  int fd;
  bool is_upgraded, is_ready, is_stalled;
  uint64_t marks;  // publications or replies that arrived
  uint64_t bytes;  // payload that arrived
  uint8_t *held;   // the beginning of a frame whose rest has not arrived
  size_t held_bytes, held_room;
  uint8_t *unsent; // what the socket did not take
  size_t unsent_bytes, unsent_room;
};
extern struct connection **connections;
extern size_t connection_count;

// ---- connection.c

void open_loop(void);
// Opens connections until there are so many, all of them ready.
void open_connections(size_t count);
// Opens one more that reads nothing once it is ready, and is not among `connections`.
void open_stalled(void);
// Sends the template as one masked frame with the number in place of %u. Frames of one turn leave together in flush_connection.
void queue_message(struct connection *c, const char *template, unsigned number);
void flush_connection(struct connection *c);
// Serves what has arrived, waiting at most so long; on_mark is called for each mark. True when a command waits on stdin.
bool turn(double timeout_seconds);
extern void (*on_mark)(struct connection *c);

// ---- latency.c

void forget_latencies(void);
void add_latency(double seconds);
// The latency that so many percent of all are not above, in microseconds; 0 without any.
double latency_micros(double percent);

#endif
