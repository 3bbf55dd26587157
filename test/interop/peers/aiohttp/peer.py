"""The interop peer over aiohttp: an echo endpoint in either role.

See test/interop/README.md for the contract (arguments, observations, commands). aiohttp has no way to
send a message in fragments, so the command `!fragments` is not used with it.
"""

import asyncio
import hashlib
import json
import re
import ssl
import sys

import aiohttp
from aiohttp import WSMsgType, web

SUBPROTOCOLS = ("echo.v1",)


def observe(**observation):
    print(json.dumps(observation), flush=True)


def window_of(setting):
    """The one number that its client takes: 0 is off, below 15 it is the window that the server is asked to use."""
    if not setting or setting == "off":
        return 0
    bits = re.search(r"server_max_window_bits=(\d+)", setting)
    return int(bits[1]) if bits else 15


async def converse(websocket, protocol, connection_id):
    observe(id=connection_id, event="open", protocol=protocol or "")
    while True:
        message = await websocket.receive()
        if message.type == WSMsgType.TEXT and message.data.startswith("!"):
            command, *words = message.data[1:].split(" ", 2)
            if command == "ping":
                await websocket.ping(words[0].encode())
            elif command == "close":
                # Waits for the answer and keeps its code; the library does not tell the answer's reason.
                await websocket.close(code=int(words[0]), message=words[1].encode())
                observe(id=connection_id, event="close", code=websocket.close_code, reason="")
                return
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            is_text = message.type == WSMsgType.TEXT
            data = message.data.encode() if is_text else message.data
            observe(
                id=connection_id,
                event="message",
                type="text" if is_text else "binary",
                bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
            )
            if is_text:
                await websocket.send_str(message.data)
            else:
                await websocket.send_bytes(message.data)
        elif message.type == WSMsgType.PING:
            await websocket.pong(message.data)
        elif message.type == WSMsgType.PONG:
            observe(id=connection_id, event="pong", payload=bytes(message.data).decode())
        elif message.type == WSMsgType.CLOSE:
            observe(id=connection_id, event="close", code=message.data, reason=message.extra)
            return
        else:
            observe(id=connection_id, event="error", message=f"{message.type!r}: {message.data!r}")
            return


async def serve(options, lines):
    tls = None
    if "--cert" in options:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options["--cert"], options["--key"])

    async def handle(request):
        # autoping off: the payloads of pongs are handed over, and pings are answered above.
        websocket = web.WebSocketResponse(
            protocols=SUBPROTOCOLS, autoping=False, compress=options.get("--deflate") != "off"
        )
        await websocket.prepare(request)
        await converse(websocket, websocket.ws_protocol, request.match_info["id"])
        return websocket

    async def refuse(_request):
        return web.Response(status=403, text="not here\n")

    application = web.Application()
    application.add_routes([web.get("/echo/{id}", handle), web.get("/refuse/{id}", refuse)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    observe(port=runner.addresses[0][1])
    while await lines.readline():
        pass


async def dial(options, lines):
    tls = ssl.create_default_context(cafile=options["--ca"]) if "--ca" in options else None
    running = set()
    async with aiohttp.ClientSession() as session:

        async def meet(connection_id, url, protocols, deflate):
            try:
                async with session.ws_connect(
                    url,
                    ssl=tls,
                    protocols=protocols.split(",") if protocols else (),
                    autoping=False,
                    compress=window_of(deflate),
                ) as websocket:
                    await converse(websocket, websocket.protocol, connection_id)
            except aiohttp.WSServerHandshakeError as refusal:
                observe(id=connection_id, event="refused", status=refusal.status)
            except Exception as error:
                observe(id=connection_id, event="error", message=repr(error))

        while line := (await lines.readline()).decode().rstrip("\n"):
            task = asyncio.create_task(meet(*line.split("\t")))
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
