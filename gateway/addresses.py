"""Counts what a client address uses, so that one address cannot use up what all share."""

import ipaddress
from functools import lru_cache

_SUBSCRIBER_PREFIX = 64


@lru_cache(maxsize=8192)  # bounded, because clients choose the values
def address_key(host: str | None) -> str:
    """What a client is counted by: its IPv4 address or its IPv6 /64, which is the least that one subscriber gets.

    Empty for a client without an address, as on a Unix socket; such clients are not told apart.
    """
    if not host:
        return ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _SUBSCRIBER_PREFIX), strict=False))


class Quota:
    """How many of one kind of thing each address has in use, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used: dict[str, int] = {}

    def take(self, address: str) -> bool:
        """Count one more for this address; False, and nothing counted, where it has reached the limit."""
        used = self._used.get(address, 0)
        if address and used >= self._limit:
            return False
        self._used[address] = used + 1
        return True

    def give_back(self, address: str) -> None:
        used = self._used[address] - 1
        if used:
            self._used[address] = used
        else:
            del self._used[address]
