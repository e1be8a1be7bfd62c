"""Addresses as browsers read them (URL Living Standard, 4.4): which server a text names, whatever hides it.

It imports the standard library only: the process that parses scripts uses it too.
"""

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import unquote

UNKNOWN = "\ufffc"
"""Stands in a text for a part that only a run would tell, such as `${name}`."""
LONGEST = 500
"""Characters of an address that tell its server; a name of a server has at most 253."""
_DEFAULT_PORTS = {"http": "80", "ws": "80", "https": "443", "wss": "443", "ftp": "21"}
_PEERS = frozenset({"stun", "stuns", "turn", "turns"})
_EDGES = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\n\r")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_END_OF_HOST = re.compile(r"[/?#]")
_CHARACTERS = range(1, 0x110000)
_SURROGATES = range(0xD800, 0xE000)
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))


class Server(NamedTuple):
    """What an address reaches."""

    scheme: str
    """Empty where the address leaves it to its page."""
    host: str
    port: str
    """Empty for the default one."""

    def __str__(self) -> str:
        scheme = f"{self.scheme}:" if self.scheme else ""
        return f"{scheme}//{self.host}{self.port and ':'}{self.port}".replace(UNKNOWN, "…")


def plain(written: str) -> str:
    """An address without what every browser drops from it."""
    return written[: 4 * LONGEST].strip(_EDGES).translate(_DROPPED)


def scheme_of(written: str) -> str:
    found = _SCHEME.match(plain(written))
    return found[1].lower() if found else ""


def server_of(written: str) -> Server | None:
    """The server that an address names; None for a path, and for what reaches no server."""
    address = plain(written)
    scheme = scheme_of(address)
    rest = address[len(scheme) + 1 :] if scheme else address
    if scheme in _PEERS:
        return _server(scheme, rest)
    if scheme and scheme not in _DEFAULT_PORTS:
        return None
    rest = rest.replace("\\", "/")
    if not scheme and not rest.startswith("//"):
        return None
    return _server(scheme, rest.lstrip("/"))


def _server(scheme: str, rest: str) -> Server:
    authority = _END_OF_HOST.split(rest, maxsplit=1)[0][:LONGEST]
    host = authority.rpartition("@")[2]
    port = ""
    if not host.endswith("]") and ":" in host:
        host, _, port = host.rpartition(":")
    # Half a name of a server may go on to be another's.
    host = unicodedata.normalize("NFKC", unquote(host)).translate(_DOTS).lower().removesuffix(".")
    port = port.lstrip("0")
    return Server(scheme, host, "" if port == _DEFAULT_PORTS.get(scheme, "443") else port)


def character(code: int) -> str:
    """The character that an escape names; U+FFFD where there is none."""
    return chr(code) if code in _CHARACTERS and code not in _SURROGATES else "\ufffd"
