"""The two sides of a gateway under test: services and clients that behave as a test wants.

All of it speaks over real sockets. Gateways run on uvloop in a thread of their own, as they do in production but for
the process around them.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from chassis.testing import PUBLIC_URL
from gateway.app import create_app
from gateway.settings import GatewaySettings

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SERVICES = ("identity", "services", "payments", "miniapps")
LONG_CHUNK = b"20000\r\n" + b"a" * 0x20000 + b"\r\n"
"""A chunk of a body that the gateway does not read whole before it calls the service."""
LONG_CHUNK_BYTES = 0x20000
BEARER = {"securitySchemes": {"access_token": {"type": "http", "scheme": "bearer"}}}


def write_contract(folder: Path, service: str, operations: Mapping[str, Mapping[str, Any]], **more: Any) -> None:  # noqa: ANN401 - any JSON
    """A contract from `{"GET /payments/v1/bills": {what OpenAPI says of the operation}}`."""
    paths: dict[str, dict[str, Any]] = {}
    for address, promised in operations.items():
        method, path = address.split(" ")
        paths.setdefault(path, {})[method.lower()] = {"responses": {"200": {"description": "ok"}}, **promised}
    document = {
        "openapi": "3.1.0",
        "info": {"title": f"{service} under test", "version": "1"},
        "paths": paths,
        "components": BEARER,
        **more,
    }
    (folder / f"{service}.v1.json").write_text(json.dumps(document), "utf-8")


def listening_socket() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return listener


def unused_port() -> int:
    """A port on which nothing listens."""
    with listening_socket() as probe:
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, http: str = "httptools", *, listener: socket.socket | None = None, trusted_proxy: str | None = None
) -> AsyncIterator[str]:
    """A real uvicorn on uvloop around an application; gives its address."""
    listener = listener or listening_socket()
    config = uvicorn.Config(
        app,
        http=http,
        loop="uvloop",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=trusted_proxy is not None,
        forwarded_allow_ips=trusted_proxy,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join)
        listener.close()


@dataclass
class Scripted:
    """A service that runs a script on every connection."""

    url: str
    connections: int = 0
    closed: int = 0
    """Connections that the other side has closed or reset."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_closed(self, number: int) -> None:
        async with self.changed, asyncio.timeout(10):
            await self.changed.wait_for(lambda: self.closed >= number)


@contextlib.asynccontextmanager
async def scripted(script: Handler, port: int = 0) -> AsyncIterator[Scripted]:
    """Run a script as a service; a script that ends closes its connection."""
    under_way: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(asyncio.current_task())
        service.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(reader, writer)
        finally:
            writer.close()
            under_way.discard(asyncio.current_task())
        async with service.changed:
            service.closed += 1
            service.changed.notify_all()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    service = Scripted(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield service
    finally:
        server.close()
        tasks = [task for task in under_way if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """The head of a request or an answer."""
    return await reader.readuntil(b"\r\n\r\n")


def answering(answer: bytes) -> Handler:
    """A script that reads one head and sends these bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(answer)
        await writer.drain()

    return script


def staying(answer: bytes) -> Handler:
    """A script that answers every request of a connection with these bytes; for requests without a body."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_head(reader)
            writer.write(answer)

    return script


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST instead of FIN."""
    linger_not = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    writer.close()


async def echo(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - plain ASGI
    """An application that answers with the request it got: JSON with method, target, headers and body size."""
    if scope["type"] != "http":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
    seen = {
        "method": scope["method"],
        "target": scope["raw_path"].decode() + query,
        "headers": [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]],
        "body": body.decode("latin-1"),
    }
    content = json.dumps(seen).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@dataclass
class Stage:
    """Starts gateways for a test, with contracts of the test's own."""

    contracts: Path
    jwks_url: str

    @contextlib.asynccontextmanager
    async def gateway(
        self,
        *,
        listener: socket.socket | None = None,
        trusted_proxy: str | None = None,
        **settings: Any,  # noqa: ANN401 - the settings' types
    ) -> AsyncIterator[str]:
        """The address of a gateway; services without an address of their own are absent."""
        addresses = {f"{service}_url": f"http://127.0.0.1:{unused_port()}" for service in SERVICES}
        chosen = {
            "public_url": PUBLIC_URL,
            "jwks_url": self.jwks_url,
            "contracts": self.contracts,
            "log_level": "INFO",
            **addresses,
            **settings,
        }
        app = create_app(GatewaySettings(**chosen))
        connection = "gateway.connection:ClientConnection"
        async with serving(app, connection, listener=listener, trusted_proxy=trusted_proxy) as url:
            yield url

    def promise(self, service: str, operations: Mapping[str, Mapping[str, Any]], **more: Any) -> None:  # noqa: ANN401 - any JSON
        write_contract(self.contracts, service, operations, **more)


@contextlib.asynccontextmanager
async def dialogue(
    url: str, source: str | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client's bare connection, for requests that no HTTP library would send, from an address of its own if named."""
    port = int(url.rsplit(":", 1)[1])
    local = (source, 0) if source else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def say(url: str, request: bytes) -> tuple[int, bytes]:
    """Send raw bytes and read one answer: its status, and everything until the gateway closes or falls silent."""
    async with dialogue(url) as (reader, writer):
        writer.write(request)
        await writer.drain()
        head = await asyncio.wait_for(read_head(reader), 10)
        lines = head.lower().split(b"\r\n")
        length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
        body = await asyncio.wait_for(reader.readexactly(length), 10)
        return int(head.split(b" ", 2)[1]), head + body
