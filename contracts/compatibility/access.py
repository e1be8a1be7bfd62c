"""Who may call: the alternatives of `security`, and `x-who-may-call`, which is more precise than OpenAPI allows.

`x-who-may-call` is written by `chassis.auth` in a few fixed forms, which are parsed and compared by meaning. The reason
after `anyone:` may be reworded, the proof after `verified by` may not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from contracts.compatibility.document import Document, Operation

_ANYONE = re.compile(r"anyone: .+")
_VERIFIED = re.compile(r"(?:whoever is )?verified by (?P<proof>.+)")
_BEARER = re.compile(
    r"(?P<kinds>(?:client|person|organisation|relative)(?: or (?:client|person))?)"
    r"(?: at assurance level (?P<level>\d))?"
    r"(?: as (?P<roles>\w+(?: or \w+)*))?"
    r"(?: with scope (?P<scope>\S+))?"
)


@dataclass(frozen=True)
class Bearer:
    """A kind of caller, and what its token must contain."""

    kind: str
    level: int
    role: str | None
    scope: str | None

    def admits(self, other: "Bearer") -> bool:
        """Whether every caller of the other kind satisfies this one."""
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
    """The callers an `x-who-may-call` admits; None if its form is unknown."""
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
    """Proofs that no longer suffice, and callers who are no longer admitted."""
    yield from _lost_security(old, new)
    before, now = (operation.definition.get("x-who-may-call", "") for operation in (old, new))
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
        if not any(_suffices(required, before) for required in now):
            held = " and ".join(
                f"{name} ({', '.join(scopes)})" if scopes else name for name, scopes in alternative.items()
            )
            yield f"{held or 'a request without proof'} no longer suffices"


Proof: TypeAlias = tuple[str, ...]


def _proofs(document: Document, alternative: dict[str, list[str]]) -> dict[Proof, set[str]]:
    """The schemes of an alternative by their definition instead of their name, with the scopes each requires."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    members = ("type", "scheme", "in", "name", "openIdConnectUrl")
    return {
        tuple(str(schemes[name].get(member, "")).lower() for member in members) if name in schemes else (name,): set(
            scopes
        )
        for name, scopes in alternative.items()
    }


def _suffices(required: dict[Proof, set[str]], held: dict[Proof, set[str]]) -> bool:
    return all(proof in held and scopes <= held[proof] for proof, scopes in required.items())
