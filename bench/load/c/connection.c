#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define READ_BUFFER_BYTES (256 * 1024)
#define DISCARD_AT_LEAST_BYTES (32 * 1024)
#define STALLED_AFTER_SECONDS 15.0
#define DEFLATE_OFFER "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"

bool refills;
uint64_t outstanding, arrivals, received_bytes, pongs;
static int epoll_fd;
static uint8_t *read_buffer;

void open_loop(void) {
  epoll_fd = epoll_create1(0);
  read_buffer = allocate(READ_BUFFER_BYTES);
}

// ---- sending

static void watch_output(struct connection *c, bool is_wanted) {
  if (c->watches_output == is_wanted) return;
  c->watches_output = is_wanted;
  struct epoll_event event = {.events = EPOLLIN | (is_wanted ? EPOLLOUT : 0), .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) != 0) fail("epoll_ctl: %s", strerror(errno));
}

static ptrdiff_t send_bytes(struct connection *c, const void *bytes, size_t length) {
  return c->tls != NULL ? send_tls(c, bytes, length) : send(c->fd, bytes, length, MSG_NOSIGNAL);
}

static void flush_output(struct connection *c) {
  for (;;) {
    // A control frame that is due goes out at the end of the frame that is being sent.
    size_t left_of_frame = c->unsent_bytes == 0 || c->control_out_bytes == 0 ? 0 : end_of_frame(c->cycle, c->offset) - c->offset;
    bool is_control = c->control_out_bytes > 0 && left_of_frame == 0;
    const uint8_t *from = c->control_out + c->control_out_sent;
    size_t length = c->control_out_bytes - c->control_out_sent;
    if (!is_control) {
      if (c->unsent_bytes == 0) break;
      from = c->cycle->frames + c->offset;
      length = least(c->unsent_bytes, left_of_frame > 0 ? left_of_frame : c->cycle->frames_bytes - c->offset);
    }
    ptrdiff_t sent = send_bytes(c, from, length);
    if (sent < 0 && errno != EAGAIN) fail("connection %d: send: %s", c->number, strerror(errno));
    if (sent > 0 && is_control) {
      c->control_out_sent += (size_t)sent;
      if (c->control_out_sent == c->control_out_bytes) c->control_out_bytes = c->control_out_sent = 0;
    } else if (sent > 0) {
      c->unsent_bytes -= (uint64_t)sent;
      c->offset = (c->offset + (size_t)sent) % c->cycle->cycle_bytes;
    }
    if (sent < (ptrdiff_t)length) {
      watch_output(c, true);
      return;
    }
  }
  watch_output(c, false);
}

void send_from(struct connection *c, const struct cycle *cycle) {
  c->cycle = cycle;
  c->next_frame = c->offset = 0;
}

void queue_messages(struct connection *c, size_t count) {
  c->unsent_bytes += take_from_cycle(c->cycle, &c->next_frame, count);
  flush_output(c);
}

void queue_control(struct connection *c, uint8_t opcode, const uint8_t *payload, size_t length) {
  // Of several pings only the most recent one needs an answer (RFC 6455 5.5.3); this answers the first.
  if (c->control_out_bytes > 0) return;
  uint64_t random = random_from_seed(arrivals + 1);
  c->control_out_bytes = encode_client_frame(c->control_out, opcode, payload, length, &random);
  flush_output(c);
}

// ---- receiving

// One read. Payload whose content nobody compares is thrown away inside the kernel (tcp(7): MSG_TRUNC): the generator
// must stay cheaper than the server that it measures.
static bool read_once(struct connection *c) {
  bool discards = c->expected == NULL && c->tls == NULL && (!options.is_websocket || (c->frame_remaining >= DISCARD_AT_LEAST_BYTES && c->opcode < OPCODE_CLOSE));
  size_t wanted = !discards ? READ_BUFFER_BYTES : options.is_websocket ? (size_t)c->frame_remaining : 8u << 20;
  ptrdiff_t length = c->tls != NULL ? receive_tls(c, read_buffer, wanted) : recv(c->fd, discards ? NULL : read_buffer, wanted, discards ? MSG_TRUNC : 0);
  if (length == 0) fail("connection %d: the server ended the connection", c->number);
  if (length < 0 && errno != EAGAIN) fail("connection %d: recv: %s", c->number, strerror(errno));
  if (length < 0) return false;
  received_bytes += (uint64_t)length;
  c->arrived = 0;
  if (!options.is_websocket) take_plain_bytes(c, read_buffer, (size_t)length);
  else if (discards) take_discarded(c, (size_t)length);
  else take_frames(c, read_buffer, (size_t)length);
  if (c->arrived > 0) kind->read_ended(c);
  return true;
}

static void read_input(struct connection *c) {
  // What OpenSSL has read and not yet given away, epoll knows nothing of.
  while (read_once(c) && c->tls != NULL) continue;
}

// ---- the loop

bool turn(double timeout_seconds) {
  struct epoll_event events[256];
  time_t whole = (time_t)timeout_seconds;
  struct timespec timeout = {.tv_sec = whole, .tv_nsec = (long)((timeout_seconds - (double)whole) * 1e9)};
  // By its number: libraries older than 2.35 have no function for it, kernels have it since 5.11.
  int count = (int)syscall(SYS_epoll_pwait2, epoll_fd, events, 256, timeout_seconds < 0 ? NULL : &timeout, NULL, 0);
  if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
  bool has_command = false;
  for (int i = 0; i < count; i++) {
    struct connection *c = events[i].data.ptr;
    if (c == NULL) {
      has_command = true;
      continue;
    }
    if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) (kind->readable ? kind->readable : read_input)(c);
    if (events[i].events & EPOLLOUT) flush_output(c);
  }
  return has_command;
}

void watch_commands(bool is_wanted) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, is_wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, STDIN_FILENO, &event);
}

double run_until_quiet(double deadline) {
  double now = now_seconds(), progress_at = now;
  uint64_t progress = received_bytes;
  while (outstanding > 0) {
    turn(0.1);
    now = now_seconds();
    if (now >= deadline) refills = false;
    if (progress != received_bytes) {
      progress = received_bytes;
      progress_at = now;
    } else if (now - progress_at > STALLED_AFTER_SECONDS) {
      fail("no byte for %.0f s while %llu messages are missing", STALLED_AFTER_SECONDS, (unsigned long long)outstanding);
    }
  }
  return now;
}

// ---- opening

void dial(struct connection *c, const char *path, bool deflates) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  if (inet_pton(AF_INET, options.host, &address.sin_addr) != 1) fail("host must be an IPv4 address: %s", options.host);
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0) fail("socket: %s", strerror(errno));
  struct timeval patience = {.tv_sec = 10};
  setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect to %s:%d: %s", options.host, options.port, strerror(errno));
  if (options.encrypts) open_tls(c);
  if (!options.is_websocket) return;
  // The key and its answer are the example of RFC 6455 1.3, which spares this program a SHA-1.
  char head[1024];
  int length = snprintf(head, sizeof head,
                        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                        path, options.host, options.port, deflates ? DEFLATE_OFFER : "");
  if (send_bytes(c, head, (size_t)length) != length) fail("handshake: send: %s", strerror(errno));
}

void require_accepted(const char *head, bool deflates) {
  if (strncmp(head, "HTTP/1.1 101", 12) != 0) fail("handshake refused: %.40s", head);
  if (strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL) fail("handshake: wrong Sec-WebSocket-Accept");
  if (deflates != (strstr(head, "permessage-deflate") != NULL)) fail("handshake: permessage-deflate was %s", deflates ? "not agreed to" : "not offered");
}

void watch(struct connection *c) {
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0) fail("epoll_ctl: %s", strerror(errno));
}

void open_connection(struct connection *c, int number, const char *path, bool deflates) {
  // On a busy machine opening thousands takes longer than a server waits for the answer to a ping.
  if (number % 64 == 63) turn(0);
  c->number = number;
  c->deflates = deflates;
  dial(c, path, deflates);
  char head[4096];
  size_t have = 0, head_bytes = 0;
  while (options.is_websocket && head_bytes == 0) {
    size_t room = sizeof head - 1 - have;
    ptrdiff_t n = room == 0 ? 0 : c->tls != NULL ? receive_tls(c, head + have, room) : recv(c->fd, head + have, room, 0);
    if (n <= 0) fail("handshake: no complete response head from the server");
    have += (size_t)n;
    head[have] = 0;
    char *end = strstr(head, "\r\n\r\n");
    if (end == NULL) continue;
    head_bytes = (size_t)(end - head) + 4;
    require_accepted(head, deflates);
  }
  watch(c);
  take_frames(c, (uint8_t *)head + head_bytes, have - head_bytes);
}
