#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

struct options options = {.is_websocket = true, .type = PAYLOAD_BINARY, .opcode = OPCODE_BINARY, .host = "127.0.0.1", .connections = 1, .depth = 1};
static const struct kind *const kinds[] = {&echo_kind, &fan_out_kind, &handshakes_kind, &latency_kind};
const struct kind *kind = &echo_kind;

static void choose_kind(const char *name) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strcmp(kinds[i]->name, name)) {
      kind = kinds[i];
      return;
    }
  fail("unknown kind %s", name);
}

static void choose_type(const char *name) {
  static const char *const names[] = {[PAYLOAD_BINARY] = "binary", [PAYLOAD_TEXT] = "text", [PAYLOAD_UNICODE] = "unicode", [PAYLOAD_JSON] = "json"};
  size_t type = 0;
  while (type < sizeof names / sizeof *names && strcmp(names[type], name) != 0) type++;
  if (type == sizeof names / sizeof *names) fail("unknown message type %s", name);
  options.type = (enum payload_type)type;
  options.opcode = options.type == PAYLOAD_BINARY ? OPCODE_BINARY : OPCODE_TEXT;
}

static void read_option(const char *argument) {
  const char *value = strchr(argument, '=');
  if (value++ == NULL) fail("expected name=value, found %s", argument);
  size_t name = (size_t)(value - argument);
  if (!strncmp(argument, "kind=", name)) choose_kind(value);
  else if (!strncmp(argument, "host=", name)) options.host = value;
  else if (!strncmp(argument, "port=", name)) options.port = atoi(value);
  else if (!strncmp(argument, "connections=", name)) options.connections = strtoul(value, NULL, 10);
  else if (!strncmp(argument, "messageBytes=", name)) options.message_bytes = strtoul(value, NULL, 10);
  else if (!strncmp(argument, "depth=", name)) options.depth = strtoul(value, NULL, 10);
  else if (!strncmp(argument, "speaks=", name)) options.is_websocket = !strcmp(value, "websocket");
  else if (!strncmp(argument, "cuts=", name)) options.cuts = !strcmp(value, "true");
  else if (!strncmp(argument, "encrypts=", name)) options.encrypts = !strcmp(value, "true");
  else if (!strncmp(argument, "rate=", name)) options.rate = atof(value);
  else if (!strncmp(argument, "deflates=", name)) options.deflates = !strcmp(value, "true");
  else if (!strncmp(argument, "messageType=", name)) choose_type(value);
  else fail("unknown option %s", argument);
}

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) read_option(arguments[i]);
  if (options.port <= 0 || options.connections == 0 || options.depth == 0) fail("port, connections and depth must be above 0");
  open_loop();
  kind->open();
  printf("{\"ready\":true,\"connections\":%zu}\n", options.connections);
  fflush(stdout);

  // Between commands the connections stay served: pings are answered. When stdin ends, so does this program.
  char line[128];
  watch_commands(true);
  for (;;) {
    while (!turn(-1.0)) continue;
    size_t length = 0;
    do {
      if (length == sizeof line - 1 || read(STDIN_FILENO, line + length, 1) != 1) return 0;
    } while (line[length++] != '\n');
    line[length - 1] = 0;
    watch_commands(false);
    if (!strcmp(line, "verify")) kind->verify();
    else if (!strncmp(line, "run ", 4)) kind->run(atof(line + 4));
    else fail("unknown command %s", line);
    fflush(stdout);
    watch_commands(true);
  }
}
