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
"""All of IPv6 that is in use in the Internet. Forms that wrap an IPv4 address lie outside, or are listed below:
::/96, ::ffff:0:0/96, ::ffff:0:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48."""
# The registries of special-purpose addresses of IANA (RFC 6890), also those ranges of them that are reachable
# somewhere. A list of our own, because that of Python differs from release to release.
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carriers' own
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, where clouds have their metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT relays
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
            "2001::/23",  # protocol assignments: Teredo wraps IPv4 addresses; ORCHID, benchmarks
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4 wraps any IPv4 address, also a private one
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # 6bone, given back
            "3fff::/20",  # documentation
        ),
    )
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The third quarter of an address that carries an IPv4 address in its last one (RFC 5214)."""

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
    """Whether an IP address is one of the Internet, in none of the special ranges."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and not _is_plain(parsed):
        return False
    return not any(parsed in special for special in _SPECIAL if special.version == parsed.version)


def _is_plain(address: ipaddress.IPv6Address) -> bool:
    """Whether it is a global unicast address that wraps no IPv4 address in its interface identifier."""
    return address in _GLOBAL_UNICAST and (int(address) >> 32) & 0xFFFF_FFFF not in _ISATAP
