"""Endpoints that outsiders choose: a call to one must never reach our own network.

The name is resolved once and the call goes to the address that was checked, so that the name cannot mean another
machine a moment later (DNS rebinding). TLS still asks for the name and checks the certificate against it.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

_HTTPS = 443
RESOLVE_SECONDS = 5.0
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")  # wraps any IPv4 address, also a private one

Resolve = Callable[[str, int], Awaitable[list[str]]]


class AddressRefused(Exception):  # noqa: N818 - each caller has a refusal of its own for it
    """The host must not be called."""


class AddressUnknown(AddressRefused):
    """The name has no address."""


class AddressNotPublic(AddressRefused):
    """An address of the host is not public."""


@dataclass(frozen=True)
class Target:
    """Where to connect, with the headers and httpx extensions that keep the name."""

    url: httpx.URL
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host by the operating system; empty when it knows none."""
    with contextlib.suppress(OSError, UnicodeError, TimeoutError):
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return [str(address[0]) for *_, address in found]
    return []


async def pinned(url: httpx.URL, resolver: Resolve = resolve) -> Target:
    """The https URL with its host replaced by a checked address.

    Raises:
        AddressUnknown, AddressNotPublic
    """
    addresses = await resolver(url.raw_host.decode("ascii").strip("[]"), url.port or _HTTPS)
    if not addresses:
        raise AddressUnknown
    # One private address among public ones is enough to refuse: the name does not say which one is used.
    if not all(map(is_public, addresses)):
        raise AddressNotPublic
    return Target(
        url.copy_with(host=addresses[0]),
        {"Host": url.netloc.decode("ascii")},
        {"sni_hostname": url.raw_host.decode("ascii")},
    )


def is_public(address: str) -> bool:
    """Whether an IP address is public."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        return parsed in _GLOBAL_UNICAST and parsed not in _SIX_TO_FOUR and parsed.is_global
    return parsed.is_global and not parsed.is_multicast
