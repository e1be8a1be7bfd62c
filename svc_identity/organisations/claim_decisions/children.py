"""Claims to be the guardian of a child that somebody else has registered, or that has an account of its own."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_identity.people import ages
from svc_identity.people.children.models import GuardianClaim
from svc_identity.people.families import guardians
from svc_identity.people.families import service as families
from svc_identity.people.families.models import FamilyAccount, FamilyKind, FamilyStatus
from svc_identity.people.identity_claims.models import IdentityClaim
from svc_identity.people.persons.models import Person


async def is_guardian_claim(tx: AsyncSession, claim: IdentityClaim) -> bool:
    return await tx.get(GuardianClaim, claim.id) is not None


async def guardians_of(tx: AsyncSession, claim: IdentityClaim) -> Sequence[UUID | None]:
    """Who is guardian of the person with the number now: they decide nothing about it."""
    return (await tx.scalars(_of(FamilyAccount.helper_id, claim.holder_id))).all()


async def give_child(tx: AsyncSession, claim: IdentityClaim) -> None:
    """Make the claimant guardian of the child, in the place of those before, whom they may invite."""
    child = await tx.get_one(Person, claim.holder_id, with_for_update=True)
    before = (await tx.scalars(_of(FamilyAccount, child.id).with_for_update())).all()
    await tx.refresh(claim, ["name", "id_number"])
    until = ages.adult_from(claim.id_number or "")
    await guardians.appoint(tx, claim.claimant_id, child.id, claim.name or "", until)
    for account in before:
        await families.end(tx, account)


def _of(what: Any, child_id: UUID) -> Select[Any]:  # noqa: ANN401 - a column or the model
    which = (FamilyAccount.helped_id == child_id, FamilyAccount.kind == FamilyKind.GUARDIAN)
    return select(what).where(*which, FamilyAccount.status == FamilyStatus.ACTIVE)
