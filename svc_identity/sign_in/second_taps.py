"""What a browser has just posted, so that the second of two taps, or a reload, costs no try.

Only keyed hashes are kept, for some minutes.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from svc_identity.sign_in.challenges import LIFE
from svc_identity.sign_in.models import UsedChallenge
from svc_identity.vault.blind_indexes import keyed_hash


async def is_first(tx: AsyncSession, *what: str) -> bool:
    """Whether this is posted for the first time; remembers it. Of two at once, one is the first."""
    row = {"id": _key(what), "expires_at": now() + LIFE}
    kept = insert(UsedChallenge).values(row)
    # One that has expired may still be there until it is pruned.
    renewed = kept.on_conflict_do_update(
        index_elements=[UsedChallenge.id],
        set_={"expires_at": kept.excluded.expires_at},
        where=UsedChallenge.expires_at < now(),
    )
    return await tx.scalar(renewed.returning(UsedChallenge.id)) is not None


async def is_known(tx: AsyncSession, *what: str) -> bool:
    """Whether this was remembered as posted."""
    found = select(UsedChallenge.id).where(UsedChallenge.id == _key(what), UsedChallenge.expires_at >= now())
    return await tx.scalar(found) is not None


def _key(what: tuple[str, ...]) -> UUID:
    return UUID(bytes=keyed_hash("second_taps", "\n".join(f"{len(each)} {each}" for each in what))[:16])
