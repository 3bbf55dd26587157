"""Python websockets as its documentation writes an echo server and a broadcast. See ../side-channel.mjs for the lines
that it answers."""

import asyncio
import json
import os
import resource
import ssl
import sys
import threading

import websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

workload = json.loads(sys.argv[-1]) if sys.argv[-1].startswith("{") else {}
subscribers = set()


async def converse(websocket):
    if websocket.path == "/subscribe":
        subscribers.add(websocket)
        try:
            await websocket.wait_closed()
        finally:
            subscribers.remove(websocket)
    elif websocket.path == "/publish":
        async for message in websocket:
            websockets.broadcast(subscribers, message)
    else:
        async for message in websocket:
            await websocket.send(message)


def extensions():
    if "deflate" not in workload:
        return None
    return [
        ServerPerMessageDeflateFactory(
            server_no_context_takeover=True,
            client_no_context_takeover=True,
            compress_settings={"level": workload["deflate"]["level"]},
        )
    ]


def encrypted():
    if "tls" not in workload:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(workload["tls"]["certFile"], workload["tls"]["keyFile"])
    return context


def sample():
    used = resource.getrusage(resource.RUSAGE_SELF)
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    return {
        "userMicros": round(used.ru_utime * 1e6),
        "systemMicros": round(used.ru_stime * 1e6),
        "residentBytes": pages * resource.getpagesize(),
    }


def answer():
    for line in sys.stdin:
        print(json.dumps(sample() if line == "sample\n" else {"error": f"unknown command {line}"}), flush=True)
    os._exit(0)


async def main():
    server = await websockets.serve(
        converse,
        "127.0.0.1",
        0,
        compression=None,
        extensions=extensions(),
        ssl=encrypted(),
        max_size=16 * 1024 * 1024,
        # A burst of connections is not what it is measured by.
        backlog=1024,
    )
    identity = {
        "name": "Python websockets",
        "version": websockets.version.version,
        "runtime": f"Python {sys.version.split()[0]}",
        "speaks": "websocket",
        "port": server.sockets[0].getsockname()[1],
    }
    print(json.dumps(identity), flush=True)
    threading.Thread(target=answer, daemon=True).start()
    await asyncio.Future()


asyncio.run(main())
