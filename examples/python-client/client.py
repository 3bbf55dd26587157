"""A client of the realtime protocol (docs/realtime-protocol.md) over python3-websockets, with nothing of fullduplex in it.

    python3 client.py ws://localhost:8080/realtime chat:42

prints what is published on the channel, a line of JSON each, and publishes each line that it reads: {"text": line}. A line
"/name input" calls the server. It ends with its input. What is missed while the connection is away arrives when it is back, and what could not be
sent is sent then, once.
"""
import asyncio
import json
import random
import secrets
import sys

import websockets


class RealtimeError(Exception):
    """What the server said: error.code is stable, the message is for people."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.retryable = error["code"], error.get("retryable", False)
        self.after_ms = error.get("afterMs")


class Channel:
    """A channel, and how far it was read."""

    def __init__(self, name, history, heard):
        self.name, self.history, self.heard = name, history, heard
        self.position, self.delivery, self.events, self.seen = None, None, [], 0

    def wish(self):
        position = {} if self.position is None else {"position": self.position}
        return {"history": self.history, **position}

    def begin(self, start):
        before, self.position = self.position, start["position"]
        self.delivery, self.events = start["delivery"], start["events"]
        # After a gap the history may reach back behind what was read already.
        same_history = before is not None and before[0] == self.position[0] and start.get("gap") != "epoch"
        self.seen = before[1] if same_history else 0
        if start.get("recovered") is False and self.delivery != "volatile":
            self.heard("gap", {"reason": start["gap"]}, None, {})

    def publication(self, step, event, data, entry_id="", meta=None):
        """False: something before it is missing."""
        if entry_id:
            if step != 1 and self.delivery == "log":
                return False
            self.position = [self.position[0], self.position[1] + step, entry_id]
        offset = self.position[1] if entry_id else None
        if event < len(self.events) and (offset is None or offset > self.seen):
            self.heard(self.events[event], data, offset, meta or {})
        return True

    def skip(self, to):
        self.position = to["position"]
        if "gap" in to:
            self.heard("gap", {"reason": to["gap"]}, None, {})


class Client:
    """A session that lives on while connections come and go: run() keeps it connected."""

    def __init__(self, url, token=None):
        self.url, self.token, self.session = url, token, None
        self.channels, self.aliases, self.asked, self.requests = {}, {}, {}, {}
        # Ids never repeat within a session: a random prefix, and a number.
        self.prefix, self.count, self.socket = secrets.token_urlsafe(6), 0, None

    def follow(self, name, heard, history=0):
        """Calls heard(event, data, offset, meta) for each publication; the event "gap" says that something is lost. Before run()."""
        self.channels[name] = Channel(name, history, heard)

    async def publish(self, channel, event, data):
        return await self.request(channel, event, data)

    async def call(self, name, data=None):
        return await self.request(0, name, data)

    async def request(self, channel, name, data):
        self.count += 1
        request_id = f"{self.prefix}-{self.count}"
        answer = asyncio.get_running_loop().create_future()
        self.requests[request_id] = request = {"frame": [4, request_id, channel, name, data], "answer": answer, "sent": False}
        await self.send_request(request)
        return await answer

    async def send_request(self, request):
        if self.session is None or self.socket is None:
            return
        # With "again" the server knows that the first time may have been enough.
        options, request["sent"] = [{"again": True}] if request["sent"] else [], True
        await self.send(request["frame"] + options)

    async def send(self, frame):
        try:
            await self.socket.send(json.dumps(frame, separators=(",", ":")))
        except (websockets.ConnectionClosed, AttributeError):
            pass  # Requests are sent again over the next connection, and the hello says the rest.

    async def run(self):
        attempts = 0
        while True:
            wait_s = random.uniform(0, min(20, 0.25 * 2**attempts))
            try:
                async with websockets.connect(self.url, subprotocols=["fullduplex.v1.json"], ping_interval=None) as socket:
                    await socket.send(json.dumps([1, self.hello()]))
                    while True:
                        message = json.loads(await asyncio.wait_for(socket.recv(), 60))
                        for frame in message if message and isinstance(message[0], list) else [message]:
                            if frame[:1] == [1]:
                                attempts, self.socket = 0, socket
                            await self.take(frame, socket)
            except RealtimeError as error:
                if not error.retryable:
                    raise
                if error.after_ms is not None:
                    wait_s = error.after_ms / 1000
            except (OSError, asyncio.TimeoutError, websockets.WebSocketException):
                pass  # It is away: come back later.
            finally:
                self.socket = None
            attempts += 1
            await asyncio.sleep(wait_s)

    def hello(self):
        self.asked = dict(enumerate(self.channels.values(), 1))
        hello = {"v": 1, "subs": [[ref, channel.name, channel.wish()] for ref, channel in self.asked.items()]}
        if self.token is not None:
            hello["token"] = self.token
        if self.session is not None:
            hello["session"] = self.session
        return hello

    async def take(self, frame, socket):
        if not frame:
            await socket.send("[]")  # The server asks whether we are there.
            return
        kind, *rest = frame
        if kind == 1:
            await self.welcomed(rest[0])
        elif kind == 2 and rest[0] in self.aliases:
            channel = self.aliases[rest[0]]
            if not channel.publication(*rest[1:6]):
                await socket.close()  # Never on with a hole: come back with the position.
        elif kind == 12 and rest[0] in self.aliases:
            self.aliases[rest[0]].skip(rest[2])
        elif kind == 5 and rest[0] in self.requests:
            request_id, result, *error = rest
            self.settle(self.requests.pop(request_id), result, error[0] if error else None)
        elif kind == 9 and rest[0] in self.aliases:
            self.channels.pop(self.aliases.pop(rest[0]).name)
            print("taken back:", rest[1]["message"], file=sys.stderr)
        elif kind == 10:
            raise RealtimeError(rest[0])
        # Everything else is of a later version, or was not asked for.

    async def welcomed(self, welcome):
        self.session, self.aliases = welcome["session"], {}
        for ref, start, *error in welcome["subs"]:
            if start is None:
                print("refused:", error[0]["message"], file=sys.stderr)
                self.channels.pop(self.asked[ref].name)
            else:
                self.aliases[start["alias"]] = self.asked[ref]
                self.asked[ref].begin(start)
        for request_id, request in list(self.requests.items()):
            if request["sent"] and not welcome["resumed"]:
                # The session that it was asked in is gone: nobody knows any more.
                lost = {"code": "OUTCOME_UNKNOWN", "message": "the session is gone"}
                self.settle(self.requests.pop(request_id), None, lost)
            else:
                await self.send_request(request)

    @staticmethod
    def settle(request, result, error):
        if request["answer"].cancelled():
            return
        if error is None:
            request["answer"].set_result(result)
        else:
            request["answer"].set_exception(RealtimeError(error))


async def main(url, name):
    client = Client(url)

    def heard(event, data, offset, meta):
        print(json.dumps({"event": event, "data": data, "offset": offset, **meta}), flush=True)

    async def ask(line):
        try:
            if line.startswith("/"):
                call, _, given = line[1:].partition(" ")
                print(json.dumps({"call": call, "result": await client.call(call, json.loads(given or "null"))}), flush=True)
            else:
                print(json.dumps({"published": await client.publish(name, "message", {"text": line})}), flush=True)
        except (RealtimeError, ValueError) as error:
            print(json.dumps({"error": str(error)}), flush=True)

    async def read():
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        asked = []
        while line := (await reader.readline()).decode().strip():
            asked.append(asyncio.ensure_future(ask(line)))
        await asyncio.gather(*asked)

    client.follow(name, heard, history=10)
    # Until the input ends and is answered, or the server does not want us any more.
    running, reading = asyncio.ensure_future(client.run()), asyncio.ensure_future(read())
    done, _ = await asyncio.wait({running, reading}, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    for task in done:
        task.result()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
