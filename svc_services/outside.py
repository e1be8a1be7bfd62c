"""Where a provider's endpoint may be: an address anyone chooses must not make this service call its own network.

Checked when a provider applies and again at every call, because a name may point elsewhere by then. The call goes
to the address that was checked, not to whatever the name resolves to a moment later (DNS rebinding).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from chassis.outside import is_public, resolve
from chassis.problems import Problem

_HTTPS = 443
_HOST = re.compile(rb"[a-z0-9_.-]+|\[?[0-9a-f:.]+\]?")
_HIGHEST_PORT = 65_535


class EndpointUrlRefused(Problem):
    """`reason`: not_a_url, scheme, userinfo, query_or_fragment, not_resolvable, not_public."""

    status, code = 422, "endpoint_url_refused"


Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True)
class Target:
    """Where to connect, and by which name the other side knows itself."""

    url: httpx.URL
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoints:
    """The rule for endpoints of providers: anywhere (a development machine), or public https addresses only."""

    anywhere: bool
    resolve: Resolve = resolve

    def _well_formed(self, url: str) -> httpx.URL:
        """The URL without a trailing slash, parsed by the library that will call it."""
        try:
            parsed = httpx.URL(url.rstrip("/"))
        except httpx.InvalidURL:
            raise EndpointUrlRefused(reason="not_a_url") from None
        port = _HTTPS if parsed.port is None else parsed.port
        if not _HOST.fullmatch(parsed.raw_host) or not 0 < port <= _HIGHEST_PORT:
            raise EndpointUrlRefused(reason="not_a_url")
        if parsed.scheme not in ({"http", "https"} if self.anywhere else {"https"}):
            raise EndpointUrlRefused(reason="scheme")
        if parsed.userinfo:
            raise EndpointUrlRefused(reason="userinfo")
        if "?" in url or "#" in url:
            raise EndpointUrlRefused(reason="query_or_fragment")
        return parsed

    async def accepted(self, url: str) -> str:
        """The URL as it is kept.

        Raises:
            EndpointUrlRefused: this service will not call it.
        """
        parsed = self._well_formed(url)
        if not self.anywhere:
            await self._public_address(parsed)
        return str(parsed)

    async def target(self, url: str) -> Target:
        """How to call a URL now.

        Raises:
            EndpointUrlRefused: as for `accepted`; the name may resolve differently today.
        """
        parsed = self._well_formed(url)
        if self.anywhere:
            return Target(parsed)
        address = await self._public_address(parsed)
        # TLS still asks for, and checks the certificate against, the name.
        return Target(
            parsed.copy_with(host=address),
            {"Host": parsed.netloc.decode("ascii")},
            {"sni_hostname": parsed.raw_host.decode("ascii")},
        )

    async def _public_address(self, url: httpx.URL) -> str:
        addresses = await self.resolve(url.raw_host.decode("ascii").strip("[]"), url.port or _HTTPS)
        if not addresses:
            raise EndpointUrlRefused(reason="not_resolvable")
        # One private address among public ones is enough to refuse: which one is used is not for the name to say.
        if not all(is_public(address) for address in addresses):
            raise EndpointUrlRefused(reason="not_public")
        return addresses[0]
