// Options, commands and the two kinds of load: publications to everybody, and calls.
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

struct options options = {.host = "127.0.0.1", .path = "/", .protocol = "", .hello = "", .stalled = "", .ready = "", .ping = "", .pong = "", .publish = "", .filling = "", .call = "", .mark = ""};

static const double stall_seconds = 15;
// So many may be outstanding where publications come at a pace of their own.
static const size_t paced_window = 4096;
static unsigned last_number;

void fail(const char *format, ...) {
  char text[512];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  // The text goes into JSON.
  for (char *at = text; *at; at++)
    if (*at == '"' || *at == '\\' || (unsigned char)*at < 32) *at = ' ';
  printf("{\"error\":\"%s\"}\n", text);
  fflush(stdout);
  exit(1);
}

static double seconds_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
double now_seconds(void) { return seconds_of(CLOCK_MONOTONIC); }
double cpu_micros(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID) * 1e6; }

// ---- publications: `window` of them are outstanding until everybody has them, or so many are sent each second

static struct {
  const char *publication;
  size_t window;
  double per_second; // 0: as many as the window allows
  double started_at;
  uint64_t published, completed;
  size_t *arrived; // of each outstanding publication: at how many connections
  double *sent_at;
  double ends_at;
} fan;

static double next_at(void) { return fan.started_at + (double)fan.published / fan.per_second; }

static void publish_more(void) {
  struct connection *publisher = connections[0];
  for (double now = now_seconds(); fan.published - fan.completed < fan.window && now < fan.ends_at; now = now_seconds()) {
    if (fan.per_second > 0 && next_at() > now) break;
    fan.sent_at[fan.published % fan.window] = now;
    fan.arrived[fan.published++ % fan.window] = 0;
    queue_message(publisher, fan.publication, ++last_number);
  }
  flush_connection(publisher);
}

// How long there is nothing to do but to take what arrives.
static double patience(void) {
  if (fan.window == 0 || fan.per_second == 0) return 0.05;
  double seconds = next_at() - now_seconds();
  return seconds < 0.001 ? 0.001 : seconds > 0.05 ? 0.05 : seconds;
}

static void delivered(struct connection *c) {
  if (c->marks > fan.published) fail("a connection got %llu publications of %llu", (unsigned long long)c->marks, (unsigned long long)fan.published);
  size_t place = (c->marks - 1) % fan.window;
  add_latency(now_seconds() - fan.sent_at[place]);
  if (++fan.arrived[place] == connection_count) fan.completed++;
}

static uint64_t marks_of_all(void) {
  uint64_t marks = 0;
  for (size_t i = 0; i < connection_count; i++) marks += connections[i]->marks;
  return marks;
}

static uint64_t bytes_of_all(void) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < connection_count; i++) bytes += connections[i]->bytes;
  return bytes;
}

static void report(double started_at, double cpu_at, uint64_t bytes_at) {
  double seconds = now_seconds() - started_at;
  uint64_t marks = marks_of_all();
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"cpuMicros\":%.0f,\"payloadBytes\":%llu,\"p50Micros\":%.0f,\"p99Micros\":%.0f}\n",
         (unsigned long long)marks, seconds, cpu_micros() - cpu_at, (unsigned long long)(bytes_of_all() - bytes_at), latency_micros(50),
         latency_micros(99));
}

static void wait_for(bool (*is_done)(void)) {
  uint64_t marks = marks_of_all();
  double since = now_seconds();
  for (size_t turns = 0; !is_done(); turns++) {
    turn(patience());
    if (fan.window > 0) publish_more();
    if (turns % 1024 != 0) continue;
    uint64_t now = marks_of_all();
    if (now != marks) since = now_seconds();
    marks = now;
    if (now_seconds() - since > stall_seconds) fail("nothing arrived for %.0f s", stall_seconds);
  }
}

static bool all_delivered(void) { return fan.completed == fan.published && now_seconds() >= fan.ends_at; }

static void begin(void) {
  for (size_t i = 0; i < connection_count; i++) connections[i]->marks = 0;
  forget_latencies();
}

static void run_fan(const char *publication, double seconds, size_t window, double per_second) {
  begin();
  fan.publication = publication;
  fan.window = window;
  fan.per_second = per_second;
  fan.published = fan.completed = 0;
  fan.arrived = calloc(window, sizeof *fan.arrived);
  fan.sent_at = calloc(window, sizeof *fan.sent_at);
  if (fan.arrived == NULL || fan.sent_at == NULL) fail("out of memory");
  double started_at = fan.started_at = now_seconds(), cpu_at = cpu_micros();
  uint64_t bytes_at = bytes_of_all();
  fan.ends_at = started_at + seconds;
  on_mark = delivered;
  publish_more();
  wait_for(all_delivered);
  on_mark = NULL;
  report(started_at, cpu_at, bytes_at);
  free(fan.arrived);
  free(fan.sent_at);
  fan.window = 0;
}

// ---- calls: each connection has `depth` of them outstanding

static struct {
  uint64_t called;
  double ends_at;
} calls;

static void call(struct connection *c) {
  if (now_seconds() >= calls.ends_at) return;
  calls.called++;
  queue_message(c, options.call, ++last_number);
}

static void replied(struct connection *c) {
  call(c);
  flush_connection(c);
}

static bool all_replied(void) { return now_seconds() >= calls.ends_at && marks_of_all() == calls.called; }

static void run_calls(double seconds, size_t callers, size_t depth) {
  begin();
  if (callers > connection_count) fail("%zu callers of %zu connections", callers, connection_count);
  double started_at = now_seconds(), cpu_at = cpu_micros();
  uint64_t bytes_at = bytes_of_all();
  calls.called = 0;
  calls.ends_at = started_at + seconds;
  on_mark = replied;
  for (size_t i = 0; i < callers; i++) {
    for (size_t j = 0; j < depth; j++) call(connections[i]);
    flush_connection(connections[i]);
  }
  wait_for(all_replied);
  on_mark = NULL;
  report(started_at, cpu_at, bytes_at);
}

static void read_option(const char *argument) {
  const char **texts[] = {&options.host, &options.path, &options.protocol, &options.hello, &options.stalled, &options.ready, &options.ping, &options.pong, &options.publish, &options.filling, &options.call, &options.mark};
  static const char *const names[] = {"host", "path", "protocol", "hello", "stalled", "ready", "ping", "pong", "publish", "filling", "call", "mark"};
  const char *value = strchr(argument, '=');
  if (value == NULL) fail("expected name=value, found %s", argument);
  size_t length = (size_t)(value - argument);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == length && !strncmp(argument, names[i], length)) {
      *texts[i] = value + 1;
      return;
    }
  if (length == 4 && !strncmp(argument, "port", 4)) options.port = atoi(value + 1);
  else fail("unknown option %s", argument);
}

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) read_option(arguments[i]);
  if (options.port <= 0 || !*options.mark || !*options.ready) fail("port, mark and ready have to be given");
  open_loop();
  printf("{\"ready\":true}\n");
  fflush(stdout);
  // Between commands the connections stay served: pings are answered. When stdin ends, so does this program.
  char line[128];
  for (;;) {
    while (!turn(-1.0)) continue;
    size_t length = 0;
    do {
      if (length == sizeof line - 1 || read(STDIN_FILENO, line + length, 1) != 1) return 0;
    } while (line[length++] != '\n');
    line[length - 1] = 0;
    size_t first, second;
    double seconds, rate;
    if (sscanf(line, "open %zu", &first) == 1) {
      open_connections(first);
      printf("{\"connections\":%zu}\n", connection_count);
    } else if (sscanf(line, "stall %zu", &first) == 1) {
      for (size_t i = 0; i < first; i++) open_stalled();
      printf("{\"stalled\":%zu}\n", first);
    } else if (sscanf(line, "fan %lf %zu", &seconds, &first) == 2) run_fan(options.publish, seconds, first, 0);
    else if (sscanf(line, "fill %lf %zu", &seconds, &first) == 2) run_fan(options.filling, seconds, first, 0);
    else if (sscanf(line, "pace %lf %lf", &seconds, &rate) == 2 && rate > 0) run_fan(options.publish, seconds, paced_window, rate);
    else if (sscanf(line, "call %lf %zu %zu", &seconds, &first, &second) == 3) run_calls(seconds, first, second);
    else fail("unknown command %s", line);
    fflush(stdout);
  }
}
