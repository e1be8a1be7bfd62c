"""Who may call: the alternatives of `security`, and `x-who-may-call`, which says more than OpenAPI can.

`x-who-may-call` is written by `chassis.auth` in a few fixed forms; those are read back and compared as what they mean.
Prose inside them is not: the reason after `anyone:` may be put in other words, a proof after `verified by` may not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from contracts.compatibility.document import Document, Operation

_ANYONE = re.compile(r"anyone: .+")
_VERIFIED = re.compile(r"(?:whoever is )?verified by (?P<proof>.+)")
_BEARER = re.compile(
    r"(?P<kinds>(?:client|person)(?: or (?:client|person))?)"
    r"(?: at assurance level (?P<level>\d))?"
    r"(?: as (?P<roles>\w+(?: or \w+)*))?"
    r"(?: with scope (?P<scope>\S+))?"
)


@dataclass(frozen=True)
class Bearer:
    """A kind of caller, and what their token must have."""

    kind: str
    level: int
    role: str | None
    scope: str | None

    def admits(self, other: "Bearer") -> bool:
        """Whether each of the others is one of these."""
        return (
            self.kind == other.kind
            and self.level <= other.level
            and self.role in (None, other.role)
            and self.scope in (None, other.scope)
        )


@dataclass(frozen=True)
class Anyone:
    """No proof is required."""


@dataclass(frozen=True)
class Verified:
    """Callers who prove themselves by something other than an access token."""

    proof: str


Callers: TypeAlias = Anyone | Verified | frozenset[Bearer]


def callers_of(text: str) -> Callers | None:
    """What an `x-who-may-call` means, or None when it has no form that is known here."""
    if _ANYONE.fullmatch(text):
        return Anyone()
    if found := _VERIFIED.fullmatch(text):
        return Verified(found["proof"])
    clauses = [_BEARER.fullmatch(clause) for clause in text.split("; or ")]
    read = [clause for clause in clauses if clause]
    return frozenset(bearer for clause in read for bearer in _bearers(clause)) if len(read) == len(clauses) else None


def _bearers(clause: re.Match[str]) -> Iterator[Bearer]:
    for kind in clause["kinds"].split(" or "):
        for role in clause["roles"].split(" or ") if clause["roles"] else [None]:
            yield Bearer(kind, int(clause["level"] or 0), role, clause["scope"])


def lost_access(old: Operation, new: Operation) -> Iterator[str]:
    """Proofs that sufficed and do not, and callers who were let in and are not."""
    yield from _lost_security(old, new)
    before, now = (operation.said.get("x-who-may-call", "") for operation in (old, new))
    if before and before != now and not _admits(callers_of(now), callers_of(before)):
        yield f"x-who-may-call was “{before}” and is “{now}”"


def _admits(now: Callers | None, before: Callers | None) -> bool:
    if now is None or before is None:
        return False
    if isinstance(now, frozenset) and isinstance(before, frozenset):
        return all(any(here.admits(one) for here in now) for one in before)
    return isinstance(now, Anyone) or now == before


def _lost_security(old: Operation, new: Operation) -> Iterator[str]:
    now = [_proofs(new.document, alternative) for alternative in new.security()]
    for alternative in old.security():
        before = _proofs(old.document, alternative)
        if not any(_suffices(wanted, before) for wanted in now):
            held = " and ".join(
                f"{name} ({', '.join(scopes)})" if scopes else name for name, scopes in alternative.items()
            )
            yield f"{held or 'a request without proof'} no longer suffices"


Proof: TypeAlias = tuple[str, ...]


def _proofs(document: Document, alternative: dict[str, list[str]]) -> dict[Proof, set[str]]:
    """The schemes of an alternative by what they are, whatever they are called, with the scopes each must have."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    members = ("type", "scheme", "in", "name", "openIdConnectUrl")
    return {
        tuple(str(schemes[name].get(member, "")).lower() for member in members) if name in schemes else (name,): set(
            scopes
        )
        for name, scopes in alternative.items()
    }


def _suffices(wanted: dict[Proof, set[str]], held: dict[Proof, set[str]]) -> bool:
    return all(proof in held and scopes <= held[proof] for proof, scopes in wanted.items())
