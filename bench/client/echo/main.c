// The other end of the client bench: an echo server cheap enough that the client is what is measured. One thread, epoll,
// and a stream of client frames turned into a stream of server frames as it comes (RFC 6455 5.2, 5.3), one write per read.
// The bench reads its port from the first line on stdout and asks for "sample"; when stdin ends, so does this program.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accept-key.h"

enum { READ_BYTES = 256 * 1024, MOST_HEAD_BYTES = 8192, MOST_HEADER_BYTES = 14, OPCODE_PING = 0x9, OPCODE_PONG = 0xa };

struct connection {
  int fd;
  char *head; // the request as far as it is here; NULL once it is answered
  size_t head_bytes;
  // The frame in progress.
  uint8_t header[MOST_HEADER_BYTES];
  size_t header_bytes;
  uint8_t mask[4];
  uint64_t payload_left;
  size_t mask_at;
  // What the socket did not take; nothing is read while there is some.
  uint8_t *unsent;
  size_t unsent_bytes, unsent_at;
};

static int epoll_fd;
static uint8_t in[READ_BYTES];
// A header that was split between two reads makes the output up to that much longer than the input.
static uint8_t out[READ_BYTES + MOST_HEADER_BYTES];

static void fail(const char *what) {
  printf("{\"error\":\"%s: %s\"}\n", what, strerror(errno));
  fflush(stdout);
  exit(1);
}

static void drop(struct connection *c) {
  close(c->fd);
  free(c->head);
  free(c->unsent);
  free(c);
}

static void watch(struct connection *c, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) != 0) fail("epoll_ctl");
}

// Returns false when the connection is gone.
static bool send_all(struct connection *c, const uint8_t *bytes, size_t length) {
  ssize_t sent = send(c->fd, bytes, length, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return false;
  if (sent < 0) sent = 0;
  if ((size_t)sent == length) return true;
  c->unsent_bytes = length - (size_t)sent;
  c->unsent_at = 0;
  c->unsent = malloc(c->unsent_bytes);
  if (c->unsent == NULL) fail("malloc");
  memcpy(c->unsent, bytes + sent, c->unsent_bytes);
  watch(c, EPOLLOUT);
  return true;
}

static bool send_rest(struct connection *c) {
  ssize_t sent = send(c->fd, c->unsent + c->unsent_at, c->unsent_bytes - c->unsent_at, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN;
  c->unsent_at += (size_t)sent;
  if (c->unsent_at < c->unsent_bytes) return true;
  free(c->unsent);
  c->unsent = NULL;
  watch(c, EPOLLIN);
  return true;
}

// ---- frames

static void unmask(uint8_t *to, const uint8_t *from, size_t length, const uint8_t mask[4], size_t mask_at) {
  uint8_t turned[8];
  for (size_t i = 0; i < 8; i++) turned[i] = mask[(mask_at + i) & 3];
  uint64_t wide;
  memcpy(&wide, turned, 8);
  size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    uint64_t eight;
    memcpy(&eight, from + i, 8);
    eight ^= wide;
    memcpy(to + i, &eight, 8);
  }
  for (; i < length; i++) to[i] = from[i] ^ turned[i & 7];
}

// The bytes of the header, as far as those that are here tell.
static size_t header_length(const struct connection *c) {
  if (c->header_bytes < 2) return 2;
  uint8_t length = c->header[1] & 0x7f;
  return 2 + (length == 127 ? 8 : length == 126 ? 2 : 0) + 4;
}

// The header is complete: writes the same without a mask, a ping as a pong, and returns its length.
static size_t turn_header(struct connection *c, uint8_t *to) {
  size_t length = c->header_bytes - 4;
  memcpy(to, c->header, length);
  if ((to[0] & 0x0f) == OPCODE_PING) to[0] = (uint8_t)((to[0] & 0xf0) | OPCODE_PONG);
  to[1] &= 0x7f;
  c->payload_left = to[1];
  if (to[1] >= 126) {
    c->payload_left = 0;
    for (size_t i = 2; i < length; i++) c->payload_left = c->payload_left << 8 | to[i];
  }
  memcpy(c->mask, c->header + length, 4);
  c->mask_at = 0;
  c->header_bytes = 0;
  return length;
}

// Returns how much of `out` is to be sent; SIZE_MAX for a frame that is not masked.
static size_t turn_frames(struct connection *c, const uint8_t *bytes, size_t length) {
  size_t made = 0;
  while (length > 0) {
    size_t used;
    if (c->payload_left > 0) {
      used = length < c->payload_left ? length : (size_t)c->payload_left;
      unmask(out + made, bytes, used, c->mask, c->mask_at);
      made += used;
      c->mask_at = (c->mask_at + used) & 3;
      c->payload_left -= used;
    } else {
      size_t missing = header_length(c) - c->header_bytes;
      used = length < missing ? length : missing;
      memcpy(c->header + c->header_bytes, bytes, used);
      c->header_bytes += used;
      if (c->header_bytes >= 2 && (c->header[1] & 0x80) == 0) return SIZE_MAX;
      if (c->header_bytes > 2 && c->header_bytes == header_length(c)) made += turn_header(c, out + made);
    }
    bytes += used;
    length -= used;
  }
  return made;
}

// ---- opening

// Returns false when the request is none that it can answer. What follows the head belongs to the first frame.
static bool take_head(struct connection *c, const uint8_t *bytes, size_t length) {
  if (c->head_bytes + length >= MOST_HEAD_BYTES) return false;
  memcpy(c->head + c->head_bytes, bytes, length);
  c->head_bytes += length;
  c->head[c->head_bytes] = 0;
  char *end = strstr(c->head, "\r\n\r\n");
  if (end == NULL) return true;
  char *key = strcasestr(c->head, "\r\nsec-websocket-key:");
  if (key == NULL || key > end) return false;
  key += strlen("\r\nsec-websocket-key:");
  key += strspn(key, " \t");
  char accept[ACCEPT_KEY_CHARACTERS + 1], answer[256];
  accept_key(accept, key, strcspn(key, " \t\r"));
  int written = snprintf(answer, sizeof answer,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
  size_t rest_at = (size_t)(end - c->head) + 4, rest_bytes = c->head_bytes - rest_at;
  char *head = c->head;
  c->head = NULL;
  bool is_alive = send_all(c, (uint8_t *)answer, (size_t)written);
  if (is_alive && rest_bytes > 0) {
    size_t made = turn_frames(c, (uint8_t *)head + rest_at, rest_bytes);
    is_alive = made != SIZE_MAX && send_all(c, out, made);
  }
  free(head);
  return is_alive;
}

static bool read_input(struct connection *c) {
  ssize_t length = recv(c->fd, in, sizeof in, 0);
  if (length < 0) return errno == EAGAIN;
  if (length == 0) return false;
  if (c->head != NULL) return take_head(c, in, (size_t)length);
  size_t made = turn_frames(c, in, (size_t)length);
  return made != SIZE_MAX && (made == 0 || send_all(c, out, made));
}

static void accept_connection(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  struct connection *c = calloc(1, sizeof *c);
  if (c == NULL || (c->head = malloc(MOST_HEAD_BYTES)) == NULL) fail("malloc");
  c->fd = fd;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

// ---- the bench's lines

static double micros(struct timeval t) { return (double)t.tv_sec * 1e6 + (double)t.tv_usec; }

static void answer_lines(void) {
  static char line[64];
  static size_t length;
  char c;
  while (read(STDIN_FILENO, &c, 1) == 1) {
    if (c != '\n') {
      if (length < sizeof line - 1) line[length++] = c;
      continue;
    }
    line[length] = 0;
    length = 0;
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    if (strcmp(line, "sample") == 0) printf("{\"userMicros\":%.0f,\"systemMicros\":%.0f}\n", micros(use.ru_utime), micros(use.ru_stime));
    else printf("{\"error\":\"the echo server knows the command sample only\"}\n");
    fflush(stdout);
    return; // epoll tells when there is more
  }
  exit(0);
}

int main(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t address_bytes = sizeof address;
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1024) != 0) fail("listen");
  fcntl(listener, F_SETFL, O_NONBLOCK);
  getsockname(listener, (struct sockaddr *)&address, &address_bytes);
  epoll_fd = epoll_create1(0);
  static int listener_tag, lines_tag;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener_tag};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  event.data.ptr = &lines_tag;
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll_fd, events, 256, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == &lines_tag) answer_lines();
      else if (events[i].data.ptr == &listener_tag) accept_connection(listener);
      else {
        struct connection *c = events[i].data.ptr;
        bool is_alive = events[i].events & EPOLLOUT ? send_rest(c) : read_input(c);
        if (!is_alive) drop(c);
      }
    }
  }
}
