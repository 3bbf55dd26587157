// The load generator: one thread, epoll, frames encoded before the clock starts, replies counted by their headers.
// It keeps a fixed number of messages in flight on each connection. The bench drives it with lines on stdin
// ("verify", "run <seconds>") and reads one JSON object per line from stdout. See generator.mjs for the other end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"

#define READ_BUFFER_BYTES (256 * 1024)
#define DISCARD_AT_LEAST_BYTES (32 * 1024)
#define CYCLE_TARGET_BYTES (64 * 1024)
#define STALLED_AFTER_SECONDS 15.0

struct connection {
  int fd, number;
  bool watches_output;
  // Sending: `out` holds whole frames of equal length, sent over and over.
  const uint8_t *out;
  size_t out_bytes, cycle_bytes, offset;
  uint64_t unsent_bytes;
  uint8_t pong[2 + 4 + 125];
  size_t pong_bytes, pong_sent;
  // Receiving: the frame in progress, then the message in progress.
  uint8_t header[10];
  size_t header_have, control_have;
  uint64_t frame_remaining, message_bytes;
  uint8_t opcode, control[125];
  bool is_final, in_message;
  // What the echo must be, while verifying; otherwise NULL.
  const uint8_t *expected;
  size_t expected_at, expected_bytes;
  uint32_t outstanding;
};

static struct {
  bool is_websocket;
  enum payload_type type;
  uint8_t opcode;
  const char *host;
  int port;
  size_t connections, message_bytes, depth;
} options = {.is_websocket = true, .type = PAYLOAD_BINARY, .opcode = OPCODE_BINARY, .host = "127.0.0.1", .connections = 1, .depth = 1};

static struct connection *connections;
static size_t frame_bytes, out_bytes, cycle_bytes;
static uint8_t *out, *read_buffer;
static int epoll_fd;
static bool refills; // a reply is followed by a new message
static uint64_t replies, outstanding, received_bytes;

// The bench shows this text to a person; quotes and control characters from the network must not break its JSON.
static void fail(const char *format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (char *c = text; *c; c++)
    if (*c == '"' || *c == '\\' || (unsigned char)*c < 32 || (unsigned char)*c > 126) *c = '?';
  printf("{\"error\":\"%s\"}\n", text);
  fflush(stdout);
  exit(1);
}

static double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_micros(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void *allocate(size_t bytes) {
  void *memory = calloc(1, bytes);
  if (memory == NULL) fail("out of memory for %zu bytes", bytes);
  return memory;
}

static size_t least(uint64_t a, uint64_t b) { return (size_t)(a < b ? a : b); }

// ---- sending

static void watch_output(struct connection *c, bool wanted) {
  if (c->watches_output == wanted) return;
  c->watches_output = wanted;
  struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) != 0) fail("epoll_ctl: %s", strerror(errno));
}

static void flush_output(struct connection *c) {
  for (;;) {
    size_t into_frame = c->offset % frame_bytes;
    bool is_pong = c->pong_bytes > 0 && into_frame == 0;
    const uint8_t *from = is_pong ? c->pong + c->pong_sent : c->out + c->offset;
    size_t length = is_pong ? c->pong_bytes - c->pong_sent : least(c->unsent_bytes, c->out_bytes - c->offset);
    // A pong that is due goes out at the end of the frame that is being sent.
    if (!is_pong && c->pong_bytes > 0) length = least(length, frame_bytes - into_frame);
    if (length == 0) break;
    ssize_t sent = send(c->fd, from, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) fail("connection %d: send: %s", c->number, strerror(errno));
    if (sent > 0 && is_pong) {
      c->pong_sent += (size_t)sent;
      if (c->pong_sent == c->pong_bytes) c->pong_bytes = c->pong_sent = 0;
    } else if (sent > 0) {
      c->unsent_bytes -= (uint64_t)sent;
      c->offset = (c->offset + (size_t)sent) % c->cycle_bytes;
    }
    if (sent < (ssize_t)length) {
      watch_output(c, true);
      return;
    }
  }
  watch_output(c, false);
}

static void queue_messages(struct connection *c, uint32_t count) {
  c->unsent_bytes += (uint64_t)count * frame_bytes;
  c->outstanding += count;
  outstanding += count;
  flush_output(c);
}

// ---- receiving

static void count_replies(struct connection *c, uint32_t count) {
  if (count > c->outstanding) fail("connection %d: more replies than messages", c->number);
  c->outstanding -= count;
  outstanding -= count;
  replies += count;
}

static void compare(struct connection *c, const uint8_t *bytes, size_t length) {
  if (c->expected_at + length > c->expected_bytes) fail("verification failed on connection %d: more bytes than sent", c->number);
  if (memcmp(c->expected + c->expected_at, bytes, length) != 0) {
    size_t i = 0;
    while (c->expected[c->expected_at + i] == bytes[i]) i++;
    fail("verification failed on connection %d: byte %zu of the echo is 0x%02x, expected 0x%02x", c->number, c->expected_at + i, bytes[i],
         c->expected[c->expected_at + i]);
  }
  c->expected_at += length;
}

static void end_frame(struct connection *c) {
  if (c->opcode == OPCODE_PING && c->pong_bytes == 0) {
    uint64_t random = random_from_seed(replies + 1);
    c->pong_bytes = encode_client_frame(c->pong, OPCODE_PONG, c->control, c->control_have, &random);
    flush_output(c);
  } else if (c->opcode == OPCODE_CLOSE) {
    int code = c->control_have >= 2 ? c->control[0] << 8 | c->control[1] : 1005;
    fail("connection %d: the server closed with %d %.*s", c->number, code, c->control_have > 2 ? (int)c->control_have - 2 : 0, c->control + 2);
  } else if (c->opcode < OPCODE_CLOSE && c->is_final) {
    if (c->message_bytes != options.message_bytes)
      fail("connection %d: a reply of %llu bytes, expected %zu", c->number, (unsigned long long)c->message_bytes, options.message_bytes);
    c->in_message = false;
    count_replies(c, 1);
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
  if (bytes[0] & 0x70 || bytes[1] & 0x80) fail("connection %d: a server frame with RSV bits or a mask: %02x %02x", c->number, bytes[0], bytes[1]);
  c->is_final = bytes[0] & 0x80;
  c->opcode = bytes[0] & 0x0f;
  c->frame_remaining = length;
  if (c->opcode >= OPCODE_CLOSE) {
    if (length > sizeof c->control) fail("connection %d: control frame of %llu bytes", c->number, (unsigned long long)length);
    c->control_have = 0;
  } else {
    if (c->opcode != (c->in_message ? OPCODE_CONTINUATION : options.opcode))
      fail("connection %d: a reply with opcode %d, expected %d", c->number, c->opcode, options.opcode);
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
    compare(c, bytes, length);
  }
  c->frame_remaining -= length;
  if (c->frame_remaining == 0) end_frame(c);
}

static void take_frames(struct connection *c, const uint8_t *bytes, size_t available) {
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

static void take_plain_bytes(struct connection *c, const uint8_t *bytes, size_t length) {
  if (c->expected != NULL) compare(c, bytes, length);
  uint64_t before = c->message_bytes;
  c->message_bytes += length;
  count_replies(c, (uint32_t)(c->message_bytes / frame_bytes - before / frame_bytes));
  c->message_bytes %= frame_bytes;
}

// One read. Payload whose content nobody compares is thrown away inside the kernel (tcp(7): MSG_TRUNC): the generator
// must stay cheaper than the server that it measures.
static void read_input(struct connection *c) {
  bool discards = c->expected == NULL && (!options.is_websocket || (c->frame_remaining >= DISCARD_AT_LEAST_BYTES && c->opcode < OPCODE_CLOSE));
  size_t wanted = !discards ? READ_BUFFER_BYTES : options.is_websocket ? (size_t)c->frame_remaining : 8u << 20;
  ssize_t length = recv(c->fd, discards ? NULL : read_buffer, wanted, discards ? MSG_TRUNC : 0);
  if (length == 0) fail("connection %d: the server ended the connection", c->number);
  if (length < 0 && errno != EAGAIN) fail("connection %d: recv: %s", c->number, strerror(errno));
  if (length < 0) return;
  received_bytes += (uint64_t)length;
  uint64_t before = replies;
  if (!options.is_websocket) {
    take_plain_bytes(c, read_buffer, (size_t)length);
  } else if (discards) {
    c->frame_remaining -= (uint64_t)length;
    if (c->frame_remaining == 0) end_frame(c);
  } else {
    take_frames(c, read_buffer, (size_t)length);
  }
  if (refills && replies > before) queue_messages(c, (uint32_t)(replies - before));
}

// One turn of epoll. Returns true when a command waits on stdin.
static bool turn(int timeout_ms) {
  struct epoll_event events[256];
  int count = epoll_wait(epoll_fd, events, 256, timeout_ms);
  if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
  bool has_command = false;
  for (int i = 0; i < count; i++) {
    struct connection *c = events[i].data.ptr;
    if (c == NULL) {
      has_command = true;
      continue;
    }
    if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_input(c);
    if (events[i].events & EPOLLOUT) flush_output(c);
  }
  return has_command;
}

static void watch_commands(bool wanted) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, STDIN_FILENO, &event);
}

// Runs until every message has its reply; with a deadline, replies are answered with new messages until then.
static double finish(double deadline) {
  double now = now_seconds(), progress_at = now;
  uint64_t progress = received_bytes;
  while (outstanding > 0) {
    turn(100);
    now = now_seconds();
    if (now >= deadline) refills = false;
    if (progress != received_bytes) {
      progress = received_bytes;
      progress_at = now;
    } else if (now - progress_at > STALLED_AFTER_SECONDS) {
      fail("no byte for %.0f s while %llu replies are missing", STALLED_AFTER_SECONDS, (unsigned long long)outstanding);
    }
  }
  return now;
}

// ---- commands

// Every connection in turn sends messages of its own content and compares each byte of the echo.
static void verify(void) {
  size_t count = frame_bytes <= CYCLE_TARGET_BYTES ? options.depth : least(options.depth, 2);
  uint8_t *frames = allocate(count * frame_bytes), *payloads = allocate(count * options.message_bytes + 1);
  uint64_t before = replies;
  for (size_t i = 0; i < options.connections; i++) {
    struct connection *c = &connections[i];
    uint64_t random = random_from_seed(i + 1);
    for (size_t k = 0; k < count; k++) {
      uint8_t *payload = payloads + k * options.message_bytes;
      fill_payload(payload, options.message_bytes, options.type, replies + i * count + k + 7);
      encode_client_frame(frames + k * frame_bytes, options.opcode, payload, options.message_bytes, &random);
    }
    c->expected = options.is_websocket ? payloads : frames;
    c->expected_bytes = count * (options.is_websocket ? options.message_bytes : frame_bytes);
    c->expected_at = 0;
    c->out = frames;
    c->out_bytes = c->cycle_bytes = count * frame_bytes;
    c->offset = 0;
    queue_messages(c, (uint32_t)count);
    finish(0);
    if (c->expected_at != c->expected_bytes) fail("verification failed on connection %zu: %zu of %zu bytes", i, c->expected_at, c->expected_bytes);
    c->expected = NULL;
    c->out = out;
    c->out_bytes = out_bytes;
    c->cycle_bytes = cycle_bytes;
    c->offset = 0;
  }
  free(frames);
  free(payloads);
  printf("{\"verifiedMessages\":%llu,\"verifiedBytes\":%llu}\n", (unsigned long long)(replies - before),
         (unsigned long long)((replies - before) * options.message_bytes));
}

static void run(double seconds) {
  uint64_t before = replies, bytes_before = received_bytes;
  double cpu = cpu_micros(), start = now_seconds();
  refills = true;
  for (size_t i = 0; i < options.connections; i++) queue_messages(&connections[i], (uint32_t)options.depth);
  double end = finish(start + seconds);
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"cpuMicros\":%.0f,\"receivedBytes\":%llu}\n", (unsigned long long)(replies - before),
         end - start, cpu_micros() - cpu, (unsigned long long)(received_bytes - bytes_before));
}

// ---- opening

static void open_connection(struct connection *c) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  if (inet_pton(AF_INET, options.host, &address.sin_addr) != 1) fail("host must be an IPv4 address: %s", options.host);
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0) fail("socket: %s", strerror(errno));
  struct timeval patience = {.tv_sec = 10};
  setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect to %s:%d: %s", options.host, options.port, strerror(errno));

  char head[4096];
  size_t have = 0, head_bytes = 0;
  if (options.is_websocket) {
    // The key and its answer are the example of RFC 6455 1.3, which spares this program a SHA-1.
    int length = snprintf(head, sizeof head,
                          "GET / HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          options.host, options.port);
    if (send(c->fd, head, (size_t)length, MSG_NOSIGNAL) != length) fail("handshake: send: %s", strerror(errno));
    while (head_bytes == 0) {
      ssize_t n = have < sizeof head - 1 ? recv(c->fd, head + have, sizeof head - 1 - have, 0) : 0;
      if (n <= 0) fail("handshake: no complete response head from the server");
      have += (size_t)n;
      head[have] = 0;
      char *end = strstr(head, "\r\n\r\n");
      if (end != NULL) head_bytes = (size_t)(end - head) + 4;
    }
    if (strncmp(head, "HTTP/1.1 101", 12) != 0) fail("handshake refused: %.40s", head);
    if (strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL) fail("handshake: wrong Sec-WebSocket-Accept");
  }
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0) fail("epoll_ctl: %s", strerror(errno));
  take_frames(c, (uint8_t *)head + head_bytes, have - head_bytes);
}

static void read_option(const char *argument) {
  const char *value = strchr(argument, '=');
  if (value++ == NULL) fail("expected name=value, found %s", argument);
  size_t name = (size_t)(value - argument);
  if (!strncmp(argument, "host=", name)) options.host = value;
  else if (!strncmp(argument, "port=", name)) options.port = atoi(value);
  else if (!strncmp(argument, "connections=", name)) options.connections = strtoul(value, NULL, 10);
  else if (!strncmp(argument, "messageBytes=", name)) options.message_bytes = strtoul(value, NULL, 10);
  else if (!strncmp(argument, "depth=", name)) options.depth = strtoul(value, NULL, 10);
  else if (!strncmp(argument, "speaks=", name)) options.is_websocket = !strcmp(value, "websocket");
  else if (!strncmp(argument, "messageType=", name)) {
    options.type = !strcmp(value, "binary") ? PAYLOAD_BINARY : !strcmp(value, "text") ? PAYLOAD_TEXT : PAYLOAD_UNICODE;
    options.opcode = options.type == PAYLOAD_BINARY ? OPCODE_BINARY : OPCODE_TEXT;
  } else fail("unknown option %s", argument);
}

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) read_option(arguments[i]);
  if (options.port <= 0 || options.connections == 0 || options.depth == 0) fail("port, connections and depth must be above 0");
  frame_bytes = client_frame_bytes(options.message_bytes);
  size_t per_cycle = frame_bytes < CYCLE_TARGET_BYTES ? CYCLE_TARGET_BYTES / frame_bytes : 1;
  if (per_cycle > 64) per_cycle = 64;
  cycle_bytes = per_cycle * frame_bytes;
  // Two cycles in a row: a send that starts anywhere in the first never has to wrap. Large frames wrap instead.
  out_bytes = per_cycle > 1 ? 2 * cycle_bytes : cycle_bytes;
  out = allocate(out_bytes);
  read_buffer = allocate(READ_BUFFER_BYTES);
  uint8_t *payload = allocate(options.message_bytes + 1);
  uint64_t random = random_from_seed(99);
  for (size_t i = 0; i < per_cycle; i++) {
    fill_payload(payload, options.message_bytes, options.type, i);
    encode_client_frame(out + i * frame_bytes, options.opcode, payload, options.message_bytes, &random);
  }
  if (out_bytes > cycle_bytes) memcpy(out + cycle_bytes, out, cycle_bytes);
  free(payload);

  epoll_fd = epoll_create1(0);
  connections = allocate(options.connections * sizeof *connections);
  for (size_t i = 0; i < options.connections; i++) {
    connections[i] = (struct connection){.number = (int)i, .out = out, .out_bytes = out_bytes, .cycle_bytes = cycle_bytes};
    open_connection(&connections[i]);
  }
  printf("{\"ready\":true,\"connections\":%zu}\n", options.connections);
  fflush(stdout);

  // Between commands the connections stay served: pings are answered. When stdin ends, so does this program.
  char line[128];
  watch_commands(true);
  for (;;) {
    while (!turn(-1)) continue;
    size_t length = 0;
    do {
      if (length == sizeof line - 1 || read(STDIN_FILENO, line + length, 1) != 1) return 0;
    } while (line[length++] != '\n');
    line[length - 1] = 0;
    watch_commands(false);
    if (!strcmp(line, "verify")) verify();
    else if (!strncmp(line, "run ", 4)) run(atof(line + 4));
    else fail("unknown command %s", line);
    fflush(stdout);
    watch_commands(true);
  }
}
