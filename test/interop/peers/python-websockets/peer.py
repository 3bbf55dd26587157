"""The interop peer over Python websockets: an echo endpoint in either role.

See test/interop/README.md for the contract (arguments, observations, commands).
"""

import asyncio
import hashlib
import http
import json
import ssl
import sys

import websockets
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)

SUBPROTOCOLS = ["echo.v1"]
# The library's limit of one mebibyte holds for a frame as it is on the wire: a mebibyte that does not compress
# is a little longer than that when compression is on.
MAX_SIZE = 2 * 1024 * 1024


def observe(**observation):
    print(json.dumps(observation), flush=True)


def compression(setting, factory):
    """The arguments for a setting in the notation of the header."""
    if not setting:
        return {}
    if setting == "off":
        return {"compression": None}
    parameters = {}
    for parameter in setting.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        parameters[name] = int(value) if value else True
    if factory is ClientPerMessageDeflateFactory:
        parameters.setdefault("client_max_window_bits", None)
    return {"extensions": [factory(**parameters)]}


def pieces_of(message, count):
    size = max(1, -(-len(message) // count))
    return [message[at : at + size] for at in range(0, len(message), size)]


async def converse(websocket, connection_id):
    observe(id=connection_id, event="open", protocol=websocket.subprotocol or "")
    fragments = 1
    try:
        async for message in websocket:
            if isinstance(message, str) and message.startswith("!"):
                command, *words = message[1:].split(" ", 2)
                if command == "fragments":
                    fragments = int(words[0])
                elif command == "ping":
                    pong = await websocket.ping(words[0])
                    await pong
                    # The library resolves the waiter of exactly this payload.
                    observe(id=connection_id, event="pong", payload=words[0])
                elif command == "close":
                    await websocket.close(int(words[0]), words[1])
                continue
            data = message.encode() if isinstance(message, str) else message
            observe(
                id=connection_id,
                event="message",
                type="text" if isinstance(message, str) else "binary",
                bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
            )
            await websocket.send(message if fragments == 1 else pieces_of(message, fragments))
            fragments = 1
    except websockets.ConnectionClosed:
        pass
    await websocket.wait_closed()
    observe(id=connection_id, event="close", code=websocket.close_code, reason=websocket.close_reason)


def refuse(path, _headers):
    if path.startswith("/refuse/"):
        return http.HTTPStatus.FORBIDDEN, [], b"not here\n"
    return None


async def serve(options, lines):
    tls = None
    if "--cert" in options:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options["--cert"], options["--key"])

    async def handle(websocket):
        await converse(websocket, websocket.path.rsplit("/", 1)[1])

    async with websockets.serve(
        handle,
        "127.0.0.1",
        0,
        ssl=tls,
        subprotocols=SUBPROTOCOLS,
        process_request=refuse,
        max_size=MAX_SIZE,
        **compression(options.get("--deflate"), ServerPerMessageDeflateFactory),
    ) as server:
        observe(port=server.sockets[0].getsockname()[1])
        while await lines.readline():
            pass


async def meet(options, connection_id, url, protocols, deflate):
    tls = ssl.create_default_context(cafile=options.get("--ca")) if url.startswith("wss:") else None
    try:
        async with websockets.connect(
            url,
            ssl=tls,
            subprotocols=protocols.split(",") if protocols else None,
            max_size=MAX_SIZE,
            **compression(deflate, ClientPerMessageDeflateFactory),
        ) as websocket:
            await converse(websocket, connection_id)
    except websockets.InvalidStatusCode as refusal:
        observe(id=connection_id, event="refused", status=refusal.status_code)
    except Exception as error:
        observe(id=connection_id, event="error", message=repr(error))


async def dial(options, lines):
    running = set()
    while line := (await lines.readline()).decode().rstrip("\n"):
        task = asyncio.create_task(meet(options, *line.split("\t")))
        # The loop itself keeps no task from being collected.
        running.add(task)
        task.add_done_callback(running.discard)


async def main():
    role, *rest = sys.argv[1:]
    options = dict(zip(rest[::2], rest[1::2]))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await (serve if role == "server" else dial)(options, lines)


asyncio.run(main())
