"""The connection pool of one service."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.upstream_connection import AbsentError, BusyError, Connection


@dataclass(frozen=True, slots=True)
class Limits:
    connect_seconds: float = 3.0
    connections: int = 200
    # Below uvicorn's own 5 seconds, so that a kept connection is rarely closed by the service just as it is used.
    keep_alive_seconds: float = 4.0


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a service's URL; services are reached by plain HTTP inside the platform's own network."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("must be an address like http://127.0.0.1:8001")
    return parts.hostname, parts.port or 80


class Upstream:
    """The connections to one service; the number in use is bounded, so that a slow service cannot take them all."""

    def __init__(self, url: str, limits: Limits) -> None:
        self._host, self._port = address_of(url)
        self.host_header = urlsplit(url).netloc.encode("ascii")
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.connections)
        self._idle: list[Connection] = []

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """An idle or new connection; return it with `release`."""
        await self._acquire_slot()
        oldest_use = asyncio.get_running_loop().time() - self._limits.keep_alive_seconds
        while self._idle and not fresh:
            connection = self._idle.pop()
            if connection.idle_since >= oldest_use:
                return connection
            connection.abort()
        try:
            return await self._connect()
        except BaseException:
            self._slots.release()
            raise

    def release(self, connection: Connection) -> None:
        """Keep a connection whose request and answer ended cleanly, and close any other."""
        self._slots.release()
        if connection.reusable:
            connection.rest()
            self._idle.append(connection)
        else:
            connection.abort()

    def close(self) -> None:
        for connection in list(self._idle):
            connection.abort()

    async def _acquire_slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise BusyError(f"{self._limits.connections} requests are in progress") from None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._on_closed), self._host, self._port
                )
        except OSError as error:  # TimeoutError is one
            raise AbsentError(type(error).__name__) from error
        return connection

    def _on_closed(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
