"""Where residents return to from signing in: addresses that are compared as they are written, so written in one way."""

import re

from chassis.problems import Problem

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A name whose last label begins with a letter: no address of IPv4 or IPv6. No user, query or fragment, nothing encoded.
_ADDRESS = re.compile(
    rf"https://(?P<host>(?:{_LABEL}\.)+(?=[a-z]){_LABEL})(?::(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~-]*)+)"
)
_HTTPS, _HIGHEST_PORT, _LONGEST_HOST = 443, 65_535, 253
_LOCAL = (".localhost", ".local", ".internal", ".home.arpa")


class RedirectAddressRefused(Problem):
    status, code = 422, "redirect_address_refused"


def require_exact(address: str) -> None:
    """Refuse an address that two readers could understand differently, or that is nobody's in the Internet.

    Raises:
        RedirectAddressRefused
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or not _is_plain(found):
        raise RedirectAddressRefused(address=address)


def _is_plain(found: re.Match[str]) -> bool:
    host, segments = found["host"], found["path"].split("/")[1:]
    port = int(found["port"] or 0)
    is_public = len(host) <= _LONGEST_HOST and not host.endswith(_LOCAL)
    # `.` and `..` are other paths to a browser, an empty segment is one to some servers.
    has_odd_segment = bool({".", ".."} & set(segments)) or "" in segments[:-1]
    return is_public and port <= _HIGHEST_PORT and port != _HTTPS and not has_odd_segment
