from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from chassis.problems import NotFound
from kit.fields.id_number import mask_id_number
from kit.fields.phones import mask_phone
from svc_identity.organisations.claim_decisions.children import is_guardian_claim
from svc_identity.organisations.claim_decisions.schemas import IdentityClaimAtCounter
from svc_identity.people.identity_claims.models import IdentityClaim
from svc_identity.people.names import mask_name
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data, record_read
from svc_identity.people.persons.models import Person

_PLAIN = (
    *("number", "status", "opened_at", "expires_at", "verdict", "reason", "organisation_id"),
    *("reviewed_by", "reviewed_at", "return_reason", "returned_by", "decided_by", "decided_at"),
)


async def shown(tx: AsyncSession, number: str, *, reader: str) -> IdentityClaimAtCounter:
    """A claim by its number. The read is logged with the claimant and with the holder.

    Raises:
        NotFound
    """
    clear = [undefer(IdentityClaim.name), undefer(IdentityClaim.id_number)]
    query = select(IdentityClaim).where(IdentityClaim.number == number).options(*clear)
    claim = await tx.scalar(query.execution_options(populate_existing=True))
    if claim is None:
        raise NotFound
    persons = await _persons(tx, claim, reader) if claim.is_live else dict.fromkeys(_OF_PERSONS)
    plain = {name: getattr(claim, name) for name in _PLAIN}
    guardianship = await is_guardian_claim(tx, claim)
    return IdentityClaimAtCounter(claim_id=claim.id, guardianship=guardianship, **plain, **persons)


_OF_PERSONS = ("name", "id_number", "phone", "holder_phone", "holder_proofed_at")


async def _persons(tx: AsyncSession, claim: IdentityClaim, reader: str) -> dict[str, Any]:
    having = select(Person).where(Person.id_number_index == claim.id_number_index)
    holder = (await tx.scalars(having)).one_or_none()
    looked_at = [claim.claimant_id, *([holder.id] if holder else [])]
    why = Purpose.IDENTITY_CLAIM
    record_read(tx, claim.claimant_id, ["name", "id_number"], reader=reader, purpose=why)
    phones = await read_personal_data(tx, looked_at, ["phone"], reader=reader, purpose=why)
    return {
        "name": mask_name(claim.name or ""),
        "id_number": mask_id_number(claim.id_number or ""),
        "phone": mask_phone(phones[claim.claimant_id].phone or ""),
        "holder_phone": mask_phone(phones[holder.id].phone or "") if holder else None,
        "holder_proofed_at": holder.proofed_at if holder else None,
    }
