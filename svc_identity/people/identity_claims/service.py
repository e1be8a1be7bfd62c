"""Claims on ID numbers that another person has proved: opened by the clash, withdrawn by the claimant, expired.

Counters decide them, or level 3 of the claimant: `organisations/claim_decisions`. The claimant's row is locked before
the claim's.
"""

import secrets
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.people.identity_claims.events import IdentityClaimClosed, IdentityClaimOpened
from svc_identity.people.identity_claims.models import CLAIM_LIFE, LIVE, ClaimStatus, IdentityClaim
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import id_number_index, known_person
from svc_identity.vault.reindexing import settle

CLAIM_OPENED, CLAIM_CLOSED = SecurityEvent("identity_claim_opened"), SecurityEvent("identity_claim_closed")
_NUMBERS = 10**8


class IdentityClaimClosedBefore(Problem):
    """Decided, withdrawn or expired; `current` says which."""

    status, code = 409, "identity_claim_closed"


async def open_for(tx: AsyncSession, claimant_id: UUID, name: str, id_number: str) -> IdentityClaim:
    """The claim of a person on a number that another one has proved; opened now unless it is open."""
    await known_person(tx, claimant_id, for_update=True)
    index = id_number_index(id_number)
    if known := await live_on(tx, claimant_id, index):
        return known
    await close_live(tx, claimant_id)
    await settle(tx, index)
    claim = IdentityClaim(
        number=await _free_number(tx),
        claimant_id=claimant_id,
        holder_id=(await tx.scalars(select(Person.id).where(Person.id_number_index == index))).one(),
        name=name,
        id_number=id_number,
        id_number_index=index,
    )
    tx.add(claim)
    await tx.flush()
    await emit(tx, IdentityClaimOpened.model_validate(IdentityClaimOpened.fields_of(claim)))
    record_on_commit(tx, CLAIM_OPENED, claim_id=claim.id, person_id=claimant_id)
    return claim


async def live_on(tx: AsyncSession, claimant_id: UUID, index: bytes) -> IdentityClaim | None:
    """The claim of a person on the number of this index, if one waits for its decision."""
    claim = await live_of(tx, claimant_id)
    return claim if claim and claim.is_live and claim.id_number_index == index else None


async def withdraw(tx: AsyncSession, claimant_id: UUID, claim_id: UUID) -> IdentityClaim:
    """Withdraw one's own claim.

    Raises:
        NotFound, IdentityClaimClosedBefore
    """
    claim = await locked(tx, IdentityClaim.id == claim_id)
    if claim.claimant_id != claimant_id:
        raise NotFound
    require_live(claim)
    await _close(tx, claim, ClaimStatus.WITHDRAWN)
    return claim


async def close_live(tx: AsyncSession, claimant_id: UUID) -> None:
    """Withdraw the claim of a person who proves another number, if there is one."""
    if claim := await live_of(tx, claimant_id):
        await _close(tx, claim, ClaimStatus.WITHDRAWN if claim.is_live else ClaimStatus.EXPIRED)


async def expire(tx: AsyncSession) -> None:
    """Close the claims that were not decided in time."""
    due = select(IdentityClaim).where(IdentityClaim.status.in_(LIVE), IdentityClaim.opened_at <= now() - CLAIM_LIFE)
    for claim in await tx.scalars(due.with_for_update(skip_locked=True)):
        await _close(tx, claim, ClaimStatus.EXPIRED)


async def locked(tx: AsyncSession, which: object) -> IdentityClaim:
    """A claim, locked after its claimant.

    Raises:
        NotFound
    """
    query = select(IdentityClaim).where(which)  # type: ignore[arg-type]
    claim = await tx.scalar(query)
    if claim is None:
        raise NotFound
    await known_person(tx, claim.claimant_id, for_update=True)
    return (await tx.scalars(query.with_for_update().execution_options(populate_existing=True))).one()


def require_live(claim: IdentityClaim) -> None:
    """Refuse a claim that is closed, or would be if the worker had come by.

    Raises:
        IdentityClaimClosedBefore
    """
    if not claim.is_live:
        raise IdentityClaimClosedBefore(current=ClaimStatus.EXPIRED if claim.status in LIVE else claim.status)


async def live_of(tx: AsyncSession, claimant_id: UUID) -> IdentityClaim | None:
    """The claim of a locked person that is not closed, if there is one, also when its time is over."""
    waiting = select(IdentityClaim).where(IdentityClaim.claimant_id == claimant_id, IdentityClaim.status.in_(LIVE))
    claim: IdentityClaim | None = await tx.scalar(waiting.with_for_update())
    return claim


async def _close(tx: AsyncSession, claim: IdentityClaim, status: ClaimStatus) -> None:
    claim.move_to(status)
    await tx.flush()
    await emit(tx, IdentityClaimClosed.model_validate(IdentityClaimClosed.fields_of(claim)))
    record_on_commit(tx, CLAIM_CLOSED, status, claim_id=claim.id)


async def _free_number(tx: AsyncSession) -> str:
    while True:
        number = f"{secrets.randbelow(_NUMBERS):08}"
        if not await tx.scalar(select(exists().where(IdentityClaim.number == number))):
            return number
