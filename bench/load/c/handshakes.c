// Connections that are opened only to be ended: connect, request, 101, then a close frame and its answer, or a cut, and
// the next one. `connections` of them are under way at a time, and each of their answers is checked.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

struct attempt {
  struct connection connection; // the first member: what the loop hands to readable()
  char head[2048];
  size_t have;
  bool is_closing;
};

static struct attempt *attempts;

static void start(struct attempt *attempt) {
  attempt->have = 0;
  attempt->is_closing = false;
  dial(&attempt->connection, "/", false);
  watch(&attempt->connection);
}

static void end(struct attempt *attempt) {
  close(attempt->connection.fd);
  arrivals++;
  if (refills) start(attempt);
  else outstanding--;
}

static void take_head(struct attempt *attempt) {
  if (strstr(attempt->head, "\r\n\r\n") == NULL) return;
  require_accepted(attempt->head, false);
  if (options.cuts) {
    end(attempt);
    return;
  }
  static const uint8_t code[] = {1000 >> 8, 1000 & 0xff};
  uint8_t frame[2 + 4 + sizeof code];
  uint64_t random = random_from_seed(arrivals + 1);
  size_t length = encode_client_frame(frame, OPCODE_CLOSE, code, sizeof code, &random);
  if (send(attempt->connection.fd, frame, length, MSG_NOSIGNAL) != (ssize_t)length) fail("close: send: %s", strerror(errno));
  attempt->is_closing = true;
  attempt->have = 0;
}

static void readable(struct connection *c) {
  struct attempt *attempt = (struct attempt *)c;
  ssize_t length = recv(c->fd, attempt->head + attempt->have, sizeof attempt->head - 1 - attempt->have, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length < 0) fail("connection %d: recv: %s", c->number, strerror(errno));
  received_bytes += (uint64_t)length + 1; // an end is progress as well
  attempt->have += (size_t)length;
  attempt->head[attempt->have] = 0;
  if (length > 0) {
    if (!attempt->is_closing) take_head(attempt);
    return;
  }
  // RFC 6455 5.5.1 and 7.1.1: it answers with a close frame, and the server ends the connection first.
  if (!attempt->is_closing || attempt->have < 4 || (uint8_t)attempt->head[0] != (0x80 | OPCODE_CLOSE))
    fail("connection %d: the server ended it %s", c->number, attempt->is_closing ? "without a close frame" : "during the handshake");
  end(attempt);
}

static void open_attempts(void) {
  attempts = allocate(options.connections * sizeof *attempts);
  for (size_t i = 0; i < options.connections; i++) attempts[i].connection.number = (int)i;
}

static void start_all(double deadline) {
  outstanding = options.connections;
  for (size_t i = 0; i < options.connections; i++) start(&attempts[i]);
  run_until_quiet(deadline);
}

static void verify(void) {
  uint64_t before = arrivals;
  start_all(0);
  printf("{\"verifiedMessages\":%llu,\"verifiedBytes\":0}\n", (unsigned long long)(arrivals - before));
}

static void run(double seconds) {
  uint64_t before = arrivals, bytes_before = received_bytes;
  double cpu = cpu_micros(), start_time = now_seconds();
  refills = true;
  start_all(start_time + seconds);
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"cpuMicros\":%.0f,\"receivedBytes\":%llu}\n", (unsigned long long)(arrivals - before),
         now_seconds() - start_time, cpu_micros() - cpu, (unsigned long long)(received_bytes - bytes_before));
}

const struct kind handshakes_kind = {.name = "handshakes", .open = open_attempts, .readable = readable, .verify = verify, .run = run};
