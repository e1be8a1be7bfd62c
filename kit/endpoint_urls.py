"""Where an endpoint of outsiders may be: checked when it is named, and by `kit.public_addresses` at every call."""

import re
from dataclasses import dataclass

import httpx

from chassis.problems import Problem
from kit.public_addresses import AddressRefused, Resolve, Target, pinned, resolve

_HTTPS = 443
_URI = re.compile(r"([a-zA-Z]+://)?(\[[0-9A-Fa-f:.]+\])?([A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*")
_HOST = re.compile(rb"[a-z0-9_.-]+|\[?[0-9a-f:.]+\]?")
_HIGHEST_PORT = 65_535


class EndpointUrlRefused(Problem):
    """`reason`: characters, not_a_url, scheme, userinfo, query_or_fragment, not_reachable.

    characters: something that RFC 3986 does not allow. An international name is sent in punycode, anything else
    percent-encoded: what the company wrote, what is stored and what is called are then one text.

    Anybody may apply, so the reason does not tell which names our resolver knows, and which of them are inside.
    """

    status, code = 422, "endpoint_url_refused"


@dataclass(frozen=True)
class Endpoints:
    """The rule for endpoints: anywhere (a development machine), or public https addresses only."""

    anywhere: bool
    resolve: Resolve = resolve

    def _well_formed(self, url: str) -> httpx.URL:
        """The URL without a trailing slash, parsed by the library that will call it."""
        if not _URI.fullmatch(url):
            raise EndpointUrlRefused(reason="characters")
        try:
            # Twice, as httpx drops the usual port of `https` and not of `HTTPS`, and may leave a slash of `/.`.
            parsed = httpx.URL(str(httpx.URL(url)).rstrip("/"))
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
        """The URL as stored.

        Raises:
            EndpointUrlRefused: this service will not call it.
        """
        parsed = self._well_formed(url)
        if not self.anywhere:
            await self._pinned(parsed)
        return str(parsed)

    async def target(self, url: str) -> Target:
        """The checked target for calling a URL now.

        Raises:
            EndpointUrlRefused: as for `accepted`; the name may resolve differently today.
        """
        parsed = self._well_formed(url)
        return Target(parsed) if self.anywhere else await self._pinned(parsed)

    async def _pinned(self, url: httpx.URL) -> Target:
        try:
            return await pinned(url, self.resolve)
        except AddressRefused:
            raise EndpointUrlRefused(reason="not_reachable") from None
