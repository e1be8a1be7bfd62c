"""Addresses of mini-apps by the draft W3C MiniApp Addressing, in two forms with one meaning.

    myili://miniapp/<id>[;version=<name>][/<page>][?<query>][#<fragment>]
    https://<this platform>/miniapp/<id>[;version=<name>][/<page>][?<query>][#<fragment>]

Stricter than the draft where two readers could differ: one spelling of the scheme and the host, no user, no port of
the address's own, nothing encoded in a path, nothing encoded twice.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes
from uuid import UUID

from chassis.problems import Problem
from chassis.text import is_visible

SCHEME = "myili://miniapp"
MOST_CHARACTERS = 1_000
_ID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_REST = re.compile(
    rf"/(?P<id>{_ID})(?:;version=(?P<version>[A-Za-z0-9._~-]{{1,40}}))?"
    rf"(?P<path>(?:/{_SEGMENT})*)/?"
    r"(?:\?(?P<query>(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}){0,500}))?"
    r"(?:\#(?P<fragment>[A-Za-z0-9._~!$&'()*+,;=:@/?-]{0,100}))?"
)


class AddressRefused(Problem):
    status, code = 422, "miniapp_address_refused"


@dataclass(frozen=True)
class Address:
    app_id: UUID
    page: str
    """Empty for the first page."""
    version: str | None = None
    query: str | None = None
    fragment: str | None = None

    @property
    def rest(self) -> str:
        """What follows the prefix, in the one spelling that the platform writes."""
        version = f";version={self.version}" if self.version else ""
        page = f"/{self.page}" if self.page else ""
        query = f"?{self.query}" if self.query else ""
        fragment = f"#{self.fragment}" if self.fragment else ""
        return f"/{self.app_id}{version}{page}{query}{fragment}"

    def custom(self) -> str:
        return f"{SCHEME}{self.rest}"

    def https(self, public_url: str) -> str:
        return f"{public_url}/miniapp{self.rest}"


def parse(address: str, public_url: str) -> Address:
    """The parts of an address of this platform.

    Raises:
        AddressRefused: it is no address of a mini-app here, or one that readers could understand differently.
    """
    prefix = next((each for each in (SCHEME, f"{public_url}/miniapp") if address.startswith(f"{each}/")), None)
    found = _REST.fullmatch(address[len(prefix) :]) if prefix and len(address) <= MOST_CHARACTERS else None
    if found is None or not _is_plain(found["query"] or ""):
        raise AddressRefused
    return Address(
        app_id=UUID(found["id"]),
        page=found["path"].removeprefix("/"),
        version=found["version"],
        query=found["query"] or None,
        fragment=found["fragment"] or None,
    )


def _is_plain(query: str) -> bool:
    """Whether what is encoded is text that shows, and encoded once."""
    try:
        decoded = unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        return False
    return is_visible(decoded) and "%" not in decoded and "\\" not in decoded


def address_of(app_id: UUID, page: str | None, query: str | None = None) -> str:
    """The address of a page, for the residents' app."""
    return Address(app_id, page or "", query=query).custom()
