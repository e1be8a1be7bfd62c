"""One key, one connection: a public key that is or was one connection's is never another's.

A stranger may apply with anybody's public key, so applications reserve none; the approval does.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from kit.key_sets import kids_by_thumbprint
from svc_services.providers.applications.models import ProviderKey


class KeyAlreadyUsed(Problem):
    """The key, or its kid, is or was in use. It does not tell whose it is: anybody may apply with any public key."""

    status, code = 409, "key_already_used"


async def require_unclaimed(tx: AsyncSession, jwks: Mapping[str, Any]) -> None:
    """Refuse a set with a key of any connection.

    Raises:
        KeyAlreadyUsed
    """
    kids = kids_by_thumbprint(jwks)
    used = await tx.scalar(select(ProviderKey.thumbprint).where(ProviderKey.thumbprint.in_(kids)).limit(1))
    if used is not None:
        raise KeyAlreadyUsed(kid=kids[used])


async def claim(tx: AsyncSession, provider_id: UUID, jwks: Mapping[str, Any]) -> None:
    """Make keys those of one connection, for ever; of two connections at once one gets a key.

    Raises:
        KeyAlreadyUsed
    """
    kids = kids_by_thumbprint(jwks)
    # In one order, so that two sets with the same keys do not wait for each other.
    rows = [{"thumbprint": each, "provider_id": provider_id} for each in sorted(kids)]
    claimed = await tx.scalars(
        insert(ProviderKey).values(rows).on_conflict_do_nothing().returning(ProviderKey.thumbprint)
    )
    if taken := kids.keys() - set(claimed):
        raise KeyAlreadyUsed(kid=kids[min(taken)])
