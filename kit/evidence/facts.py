"""The kinds of statements: what a table holds, a figure with its query, a party that data is given to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Held:
    """What a table holds of residents."""

    activity: str
    """The processing activity it serves, by its name in svc_identity's record of activities."""
    ends: str
    """When its rows go, or lose what is personal."""


@dataclass(frozen=True)
class Figure:
    """Counts, and nothing that names a person."""

    name: str
    about: str
    """What is counted, in Chinese: the people who read the pack are."""
    query: str


@dataclass(frozen=True)
class Party:
    """An outside system that personal data goes to."""

    name: str
    about: str
    """Who it is, in Chinese."""
    data: tuple[str, ...]
    port: str
    """The module that calls it."""


@dataclass(frozen=True)
class Evidence:
    """The statements of one service."""

    service: str
    tables: Mapping[str, Held]
    impersonal: frozenset[str]
    """Tables that hold nothing of residents."""
    figures: Sequence[Figure]
    parties: Sequence[Party] = ()
    impersonal_ports: frozenset[str] = frozenset()
    """Modules that call outside systems with nothing of residents."""


def month(column: str) -> str:
    """The month of a time in China, in SQL."""
    return f"to_char({column} AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')"


_EVENTS = "abuse_prevention"
CHASSIS_TABLES: Mapping[str, Held] = {
    "idempotency_keys": Held(
        _EVENTS, "seven days; each answer is encrypted with the key of its request, which is not stored"
    ),
    "audit_seals": Held("audit_trail", "kept; what could be guessed is hashed with a column that is erased"),
}
"""Of these tables, which every service has."""
IMPERSONAL_CHASSIS_TABLES = frozenset(
    {"outbox", "inbox", "dead_letters", "audit_links", "audit_anchors", "divisions", "ended_access"}
)
