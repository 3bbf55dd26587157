// Connections: opening them, reading frames, answering pings, sending.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { READ_BYTES = 256 * 1024, EVENTS = 256, OPENING_AT_ONCE = 32, STALLED_BYTES = 4096 };

struct connection **connections;
size_t connection_count;
void (*on_mark)(struct connection *c);

static int loop;
static uint8_t scratch[READ_BYTES];
static size_t ready_count;

static void append(uint8_t **bytes, size_t *length, size_t *room, const void *more, size_t more_bytes) {
  if (*length + more_bytes > *room) {
    *room = (*length + more_bytes) * 2;
    *bytes = realloc(*bytes, *room);
    if (*bytes == NULL) fail("out of memory");
  }
  memcpy(*bytes + *length, more, more_bytes);
  *length += more_bytes;
}

void open_loop(void) {
  loop = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) fail("epoll: %s", strerror(errno));
}

static void watch(struct connection *c, int operation, bool wants_to_send) {
  struct epoll_event event = {.events = EPOLLIN | (wants_to_send ? EPOLLOUT : 0), .data.ptr = c};
  if (epoll_ctl(loop, operation, c->fd, &event) != 0) fail("epoll_ctl: %s", strerror(errno));
}

void flush_connection(struct connection *c) {
  if (c->unsent_bytes == 0) return;
  ssize_t sent = send(c->fd, c->unsent, c->unsent_bytes, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) fail("send: %s", strerror(errno));
  if (sent < 0) sent = 0;
  c->unsent_bytes -= (size_t)sent;
  memmove(c->unsent, c->unsent + sent, c->unsent_bytes);
  if (c->unsent_bytes > 0) watch(c, EPOLL_CTL_MOD, true);
}

static void queue_text(struct connection *c, const char *text, size_t length) {
  // The mask is zero: it is a mask all the same (RFC 6455 5.3 asks for randomness, which costs the generator and not the server).
  uint8_t header[8] = {0x81};
  size_t header_bytes = 2;
  if (length < 126) header[1] = 0x80 | (uint8_t)length;
  else if (length < 65536) {
    header[1] = 0x80 | 126;
    header[2] = (uint8_t)(length >> 8);
    header[3] = (uint8_t)length;
    header_bytes = 4;
  } else fail("a message of %zu bytes is too long", length);
  header_bytes += 4;
  append(&c->unsent, &c->unsent_bytes, &c->unsent_room, header, header_bytes);
  append(&c->unsent, &c->unsent_bytes, &c->unsent_room, text, length);
}

void queue_message(struct connection *c, const char *template, unsigned number) {
  static char text[65536];
  const char *place = strstr(template, "%u");
  int length = place == NULL ? snprintf(text, sizeof text, "%s", template)
                             : snprintf(text, sizeof text, "%.*s%u%s", (int)(place - template), template, number, place + 2);
  if (length < 0 || (size_t)length >= sizeof text) fail("the template is too long");
  queue_text(c, text, (size_t)length);
}

static bool holds(const uint8_t *bytes, size_t length, const char *text) {
  return memmem(bytes, length, text, strlen(text)) != NULL;
}

static void take_message(struct connection *c, const uint8_t *payload, size_t length) {
  c->bytes += length;
  if (length == strlen(options.ping) && memcmp(payload, options.ping, length) == 0) {
    queue_text(c, options.pong, strlen(options.pong));
    flush_connection(c);
    return;
  }
  if (!c->is_ready) {
    if (!holds(payload, length, options.ready)) return;
    c->is_ready = true;
    // From now on the kernel tells nothing of it, and nobody reads.
    if (c->is_stalled) epoll_ctl(loop, EPOLL_CTL_DEL, c->fd, NULL);
    else ready_count++;
    return;
  }
  size_t mark_bytes = strlen(options.mark);
  const uint8_t *end = payload + length;
  for (const uint8_t *at = payload; (at = memmem(at, (size_t)(end - at), options.mark, mark_bytes)) != NULL; at += mark_bytes) {
    c->marks++;
    if (on_mark != NULL) on_mark(c);
  }
}

// Takes all complete frames and returns how many bytes they have.
static size_t take_frames(struct connection *c, const uint8_t *bytes, size_t length) {
  size_t at = 0;
  while (length - at >= 2) {
    size_t header = 2, payload = bytes[at + 1] & 0x7f;
    if (payload == 126) {
      if (length - at < 4) break;
      header = 4;
      payload = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
    } else if (payload == 127) {
      if (length - at < 10) break;
      header = 10;
      payload = 0;
      for (size_t i = 2; i < 10; i++) payload = payload << 8 | bytes[at + i];
    }
    if (length - at < header + payload) break;
    int opcode = bytes[at] & 0x0f;
    if (opcode == 8) fail("the server closed a connection: %.*s", (int)(payload > 2 ? payload - 2 : 0), (const char *)bytes + at + header + 2);
    if (opcode == 1) take_message(c, bytes + at + header, payload);
    at += header + payload;
  }
  return at;
}

static void take(struct connection *c, const uint8_t *bytes, size_t length) {
  if (!c->is_upgraded) {
    append(&c->held, &c->held_bytes, &c->held_room, bytes, length);
    const uint8_t *end = memmem(c->held, c->held_bytes, "\r\n\r\n", 4);
    if (end == NULL) return;
    if (c->held_bytes < 12 || memcmp(c->held + 9, "101", 3) != 0) fail("no upgrade: %.*s", (int)(c->held_bytes < 200 ? c->held_bytes : 200), (const char *)c->held);
    c->is_upgraded = true;
    size_t head = (size_t)(end + 4 - c->held);
    c->held_bytes -= head;
    memmove(c->held, c->held + head, c->held_bytes);
    const char *hello = c->is_stalled ? options.stalled : options.hello;
    queue_text(c, hello, strlen(hello));
    flush_connection(c);
    length = 0;
  }
  if (c->held_bytes == 0) {
    size_t taken = take_frames(c, bytes, length);
    append(&c->held, &c->held_bytes, &c->held_room, bytes + taken, length - taken);
    return;
  }
  append(&c->held, &c->held_bytes, &c->held_room, bytes, length);
  size_t taken = take_frames(c, c->held, c->held_bytes);
  c->held_bytes -= taken;
  memmove(c->held, c->held + taken, c->held_bytes);
}

bool turn(double timeout_seconds) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(loop, events, EVENTS, timeout_seconds < 0 ? -1 : (int)(timeout_seconds * 1000));
  if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
  bool has_command = false;
  for (int i = 0; i < count; i++) {
    struct connection *c = events[i].data.ptr;
    if (c == NULL) {
      has_command = true;
      continue;
    }
    if (events[i].events & EPOLLOUT) {
      watch(c, EPOLL_CTL_MOD, false);
      flush_connection(c);
    }
    if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
    ssize_t read_bytes = recv(c->fd, scratch, sizeof scratch, 0);
    if (read_bytes == 0) fail("the server ended a connection");
    if (read_bytes < 0 && errno != EAGAIN) fail("recv: %s", strerror(errno));
    if (read_bytes > 0) take(c, scratch, (size_t)read_bytes);
  }
  return has_command;
}

static struct connection *open_one(bool is_stalled) {
  struct connection *c = calloc(1, sizeof *c);
  if (c == NULL) fail("out of memory");
  c->is_stalled = is_stalled;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  // What the kernel takes for it is not the server's memory, and shall soon be full.
  int bytes = STALLED_BYTES;
  if (is_stalled) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  inet_pton(AF_INET, options.host, &address.sin_addr);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect: %s", strerror(errno));
  int on = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  char request[1024];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
                        options.path, options.host, options.port, *options.protocol ? "Sec-WebSocket-Protocol: " : "",
                        options.protocol, *options.protocol ? "\r\n" : "");
  if (send(c->fd, request, (size_t)length, MSG_NOSIGNAL) != length) fail("send: %s", strerror(errno));
  watch(c, EPOLL_CTL_ADD, false);
  return c;
}

void open_stalled(void) {
  struct connection *c = open_one(true);
  double since = now_seconds();
  while (!c->is_ready) {
    turn(0.1);
    if (now_seconds() - since > 15) fail("a connection is not ready after 15 s");
  }
}

void open_connections(size_t count) {
  connections = realloc(connections, count * sizeof *connections);
  if (connections == NULL) fail("out of memory");
  double since = now_seconds();
  while (ready_count < count) {
    while (connection_count < count && connection_count - ready_count < OPENING_AT_ONCE) connections[connection_count++] = open_one(false);
    size_t before = ready_count;
    turn(0.1);
    if (ready_count != before) since = now_seconds();
    if (now_seconds() - since > 15) fail("%zu of %zu connections are ready after 15 s without another", ready_count, count);
  }
}
