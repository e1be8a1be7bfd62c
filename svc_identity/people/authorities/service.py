"""What lets one person act for another subject, such as an agent's mandate. Tokens name it, see `oauth/acting`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from svc_identity.people.authorities.events import AuthorityEnded

LONGEST_SECONDS = 600
"""Of a token that names an authority."""
_CLOCKS = timedelta(seconds=60)


@dataclass(frozen=True)
class Authority:
    """What a person may do now in the name of a subject."""

    id: str
    """Every service refuses the tokens that name it once its end is announced; it never begins again."""
    scopes: frozenset[str]
    division_codes: tuple[str, ...]
    """Where; the prefecture's is everywhere."""
    until: datetime | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    """How much."""


async def announce_end(tx: AsyncSession, authority_id: str) -> None:
    """Let every service refuse the tokens that name an authority, within seconds."""
    expired = now() + timedelta(seconds=LONGEST_SECONDS) + _CLOCKS
    await emit(tx, AuthorityEnded(authority_id=authority_id, tokens_expire_at=expired))
