"""The connections of all clients, bounded in total and for each address, so that one address cannot exhaust them.

`Gateway` makes one `Clients` at start and hands it to every connection in the lifespan's state.
"""

import resource
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from prometheus_client import Counter, Gauge

from chassis.problems import Problem
from chassis.telemetry import log
from gateway.addresses import Quota
from gateway.intake import READ_BYTES
from gateway.refusals import ConnectionsExhausted, TooManyConnections

CONNECTIONS = Gauge("myili_gateway_connections", "Open connections of clients")
HALF_SENT = Gauge("myili_gateway_half_sent", "Requests of which only a part has arrived, without long uploads")
REFUSED = Counter(
    "myili_gateway_clients_refused", "Connections and requests ended because a client exceeded a limit", ["limit"]
)
count_refused = cache(REFUSED.labels)

# Refused connections stay for a moment, so that the client can read why; further ones are closed at once.
_MOST_FAREWELLS = 256


@dataclass(frozen=True, slots=True)
class ClientLimits:
    connections: int = 4096
    connections_per_address: int = 1024
    half_sent_per_address: int = 256
    client_seconds: float = 30.0
    unread_seconds: float = 240.0
    bytes_per_second: float = 100.0


class HalfSender(Protocol):
    """A connection on which a part of a request has arrived."""

    def give_up_half_sent(self) -> None: ...


class Clients:
    """Who is connected, and who has sent half a request."""

    def __init__(self, limits: ClientLimits) -> None:
        self.limits = limits
        self.read_buffer = memoryview(bytearray(READ_BYTES))
        self._open = 0
        self._farewells = 0
        self._connections = Quota(limits.connections_per_address)
        self._half_senders: dict[str, dict[HalfSender, None]] = {}

    def admit(self, address: str) -> Problem | None:
        """Count a new connection, or say why it is refused and not counted."""
        if self._open >= self.limits.connections:
            count_refused("connections").inc()
            return ConnectionsExhausted()
        if not self._connections.take(address):
            count_refused("connections_per_address").inc()
            return TooManyConnections()
        self._open += 1
        CONNECTIONS.set(self._open)
        return None

    def leave(self, address: str) -> None:
        self._connections.give_back(address)
        self._open -= 1
        CONNECTIONS.set(self._open)

    def begin_farewell(self) -> bool:
        """Whether one more refused connection may stay for a moment; then `end_farewell` follows."""
        if self._farewells >= _MOST_FAREWELLS:
            return False
        self._farewells += 1
        return True

    def end_farewell(self) -> None:
        self._farewells -= 1

    def begin_half_sent(self, address: str, sender: HalfSender) -> None:
        """Count half a request; above the limit the oldest of this address is given up.

        Whole requests of others behind the same address often arrive in two pieces too. Refusing the newest would
        shut them out, while theirs are complete long before they are the oldest.
        """
        senders = self._half_senders.setdefault(address, {})
        senders[sender] = None
        HALF_SENT.inc()
        if address and len(senders) > self.limits.half_sent_per_address:
            oldest = next(iter(senders))
            count_refused("half_sent_per_address").inc()
            oldest.give_up_half_sent()

    def end_half_sent(self, address: str, sender: HalfSender) -> None:
        senders = self._half_senders[address]
        del senders[sender]
        HALF_SENT.dec()
        if not senders:
            del self._half_senders[address]


def allow_files(number: int) -> None:
    """Raise this process's limit of open files to this number, or as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= number or soft == resource.RLIM_INFINITY:
        return
    allowed = number if hard == resource.RLIM_INFINITY else min(number, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < number:
        log.warning("few_files_allowed", allowed=allowed, needed=number)
