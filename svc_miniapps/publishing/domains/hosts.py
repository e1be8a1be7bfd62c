"""Which host names an app may register: public ones, in one form, below a name that somebody has registered."""

import re
from dataclasses import dataclass
from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

from chassis.problems import Problem

MOST_CHARACTERS = 253
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_TEST_HOST = re.compile(r"((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)?localhost):([1-9][0-9]{3,4})")
_HIGHEST_PORT = 65_535
# RFC 6761, 6762, 7686, 8375, 9476, and the name that ICANN keeps for private use; the public suffix list has some.
_SPECIAL = ("localhost", "local", "internal", "arpa", "test", "invalid", "example", "onion", "alt")
_WILDCARD = "*."


class DomainRefused(Problem):
    """`reason`: form, idna, special, public_suffix."""

    status, code = 422, "domain_refused"


@dataclass(frozen=True)
class Host:
    """A name as it is kept."""

    name: str
    registrable: str
    test_port: int | None = None


def accepted(text: str, *, with_loopback: bool) -> Host:
    """The host that a team registers.

    Args:
        text: in lower-case A-labels, with `*.` before it for every name below it.
        with_loopback: whether `.localhost` names with a port are accepted: in an embedded run alone.

    Raises:
        DomainRefused
    """
    if with_loopback and (found := _TEST_HOST.fullmatch(text)) and int(found[2]) <= _HIGHEST_PORT:
        return Host(found[1], found[1], int(found[2]))
    base = text.removeprefix(_WILDCARD)
    # An IPv4 address has no last label with a letter first; forms such as 0x7f.1 have none either.
    if len(base) > MOST_CHARACTERS or not _HOST.fullmatch(base):
        raise DomainRefused(reason="form")
    if base.rpartition(".")[2] in _SPECIAL:
        raise DomainRefused(reason="special")
    if not _is_idna(base):
        raise DomainRefused(reason="idna")
    registrable = _suffixes().privatesuffix(base)
    if registrable is None:
        raise DomainRefused(reason="public_suffix")
    return Host(text, registrable)


def _is_idna(host: str) -> bool:
    """Whether each label is what IDNA 2008 makes of its own Unicode form."""
    try:
        return idna.encode(idna.decode(host, strict=True), strict=True).decode() == host
    except UnicodeError:  # idna.IDNAError is one
        return False


@cache
def _suffixes() -> PublicSuffixList:
    """Names below suffixes that are on no list are refused, as nobody registers those."""
    return PublicSuffixList(accept_unknown=False)
