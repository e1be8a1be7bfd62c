"""The connection pool of one service, and the turns that its requests take."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.addresses import Quota
from gateway.refusals import TooManyAtOnce, TooManyTransfers
from gateway.turns import NoTurnError, Share, ShareUsedError, Turns
from gateway.upstream_connection import (
    AbsentError,
    BusyError,
    Connection,
    TransfersBusyError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    connect_seconds: float = 3.0
    connections: int = 200
    requests_per_address: int = 8
    waiting_per_address: int = 1024
    transfers: int = 256
    transfers_per_address: int = 64
    # Below uvicorn's own 5 seconds, so that a kept connection is rarely closed by the service just as it is used.
    keep_alive_seconds: float = 4.0


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a service's URL; services are reached by plain HTTP inside the platform's own network."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("must be an address like http://127.0.0.1:8001")
    return parts.hostname, parts.port or 80


class Upstream:
    """The connections to one service; the number in use is bounded, so that a slow service cannot take them all.

    Only the service decides how long an ordinary request takes its turn. What waits for a client, a long upload or an
    answer that its client does not take, has turns of its own, and each client address a part of those.
    """

    def __init__(self, url: str, limits: Limits) -> None:
        self._host, self._port = address_of(url)
        self.host_header = urlsplit(url).netloc.encode("ascii")
        self._limits = limits
        share = Share(limits.requests_per_address, limits.waiting_per_address)
        self.requests = Turns(limits.connections, share, limits.connect_seconds)
        slow_share = Share(limits.transfers_per_address, limits.waiting_per_address)
        self.slow_requests = Turns(limits.connections, slow_share, limits.connect_seconds)
        counted_already = Share(limits.transfers_per_address, limits.transfers_per_address)
        self.transfers = Turns(limits.transfers, counted_already, limits.connect_seconds)
        self.transfers_of = Quota(limits.transfers_per_address)
        self._idle: list[Connection] = []

    async def connection(self, *, fresh: bool = False) -> Connection:
        """An idle or new connection; return it with `keep_or_close`."""
        oldest_use = asyncio.get_running_loop().time() - self._limits.keep_alive_seconds
        while self._idle and not fresh:
            connection = self._idle.pop()
            if connection.idle_since >= oldest_use:
                return connection
            connection.abort()
        return await self._connect()

    def keep_or_close(self, connection: Connection) -> None:
        """Keep a connection whose request and answer ended cleanly, and close any other."""
        if connection.reusable:
            connection.rest()
            self._idle.append(connection)
        else:
            connection.abort()

    def close(self) -> None:
        for connection in list(self._idle):
            connection.abort()

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


class Lease:
    """A turn at a service and, with it, a connection; both go back with `end`."""

    def __init__(self, upstream: Upstream, address: str) -> None:
        self._upstream = upstream
        self._address = address
        self._turns: Turns | None = None
        self._counted = False
        self._connection: Connection | None = None

    async def begin(self, *, transfer: bool, slow: bool, fresh: bool) -> Connection:
        if transfer:
            await self.become_transfer()
        else:
            await self._take_turn(self._upstream.slow_requests if slow else self._upstream.requests)
        self._connection = await self._upstream.connection(fresh=fresh)
        return self._connection

    async def become_transfer(self) -> None:
        """Take a turn among the transfers instead; the one among the requests is free from here on."""
        if self._counted:
            return
        self._give_turn_back()
        if not self._upstream.transfers_of.take(self._address):
            raise TooManyTransfers
        self._counted = True
        try:
            await self._upstream.transfers.take(self._address)
        except (NoTurnError, ShareUsedError):
            raise TransfersBusyError("the transfers of others have all turns") from None
        self._turns = self._upstream.transfers

    def release(self) -> None:
        """Give the connection and a turn among the requests back; one among the transfers lasts until `end`."""
        if self._connection is not None:
            self._upstream.keep_or_close(self._connection)
            self._connection = None
        if not self._counted:
            self._give_turn_back()

    def end(self) -> None:
        """Give everything back that is not yet; safe where `begin` failed."""
        self.release()
        self._give_turn_back()
        if self._counted:
            self._upstream.transfers_of.give_back(self._address)
            self._counted = False

    async def _take_turn(self, turns: Turns) -> None:
        try:
            await turns.take(self._address)
        except NoTurnError:
            raise BusyError("the requests of others have all turns") from None
        except ShareUsedError:
            raise TooManyAtOnce from None
        self._turns = turns

    def _give_turn_back(self) -> None:
        if self._turns is not None:
            self._turns.give_back(self._address)
            self._turns = None
