// uWebSockets as its examples write an echo server and a broadcast. See ../side-channel.mjs for the lines that it
// answers.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include "App.h"

struct Peer {};
using Socket = uWS::WebSocket<false, true, Peer>;

static long micros(const timeval &time) { return time.tv_sec * 1000000L + time.tv_usec; }

static void answer() {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line != "sample") {
      std::printf("{\"error\":\"unknown command\"}\n");
    } else {
      rusage used{};
      getrusage(RUSAGE_SELF, &used);
      long size = 0, resident = 0;
      if (FILE *statm = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(statm, "%ld %ld", &size, &resident) != 2) resident = 0;
        std::fclose(statm);
      }
      std::printf("{\"userMicros\":%ld,\"systemMicros\":%ld,\"residentBytes\":%ld}\n", micros(used.ru_utime), micros(used.ru_stime),
                  resident * sysconf(_SC_PAGESIZE));
    }
    std::fflush(stdout);
  }
  _exit(0);
}

int main(int count, char **arguments) {
  bool compresses = std::string_view(arguments[count - 1]).find("\"deflate\"") != std::string_view::npos;
  uWS::App app;
  auto behavior = [&] {
    uWS::App::WebSocketBehavior<Peer> made;
    // Its level of compression cannot be chosen. Above maxBackpressure messages would be dropped.
    if (compresses) made.compression = static_cast<uWS::CompressOptions>(uWS::SHARED_COMPRESSOR | uWS::SHARED_DECOMPRESSOR);
    made.maxPayloadLength = 16 * 1024 * 1024;
    made.maxBackpressure = 64 * 1024 * 1024;
    return made;
  };
  auto subscribe = behavior(), publish = behavior(), echo = behavior();
  subscribe.open = [](Socket *socket) { socket->subscribe("news"); };
  publish.message = [&](Socket *, std::string_view message, uWS::OpCode opcode) { app.publish("news", message, opcode, compresses); };
  echo.message = [&](Socket *socket, std::string_view message, uWS::OpCode opcode) { socket->send(message, opcode, compresses); };
  app.ws<Peer>("/subscribe", std::move(subscribe));
  app.ws<Peer>("/publish", std::move(publish));
  app.ws<Peer>("/*", std::move(echo));
  app.listen("127.0.0.1", 0, [](us_listen_socket_t *socket) {
    if (!socket) std::exit(1);
    int port = us_socket_local_port(0, reinterpret_cast<us_socket_t *>(socket));
    const char *version = std::getenv("UWEBSOCKETS_VERSION");
    std::printf("{\"name\":\"uWebSockets\",\"version\":\"%s\",\"runtime\":\"C++\",\"speaks\":\"websocket\",\"port\":%d}\n",
                version ? version : "of unknown version", port);
    std::fflush(stdout);
    std::thread(answer).detach();
  });
  app.run();
}
