from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from chassis.pagination import Page, PageRequest, page_of
from svc_identity.organisations import schemas
from svc_identity.organisations.models import Membership, Organisation
from svc_identity.organisations.service import show_member
from svc_identity.personal_data.models import Purpose
from svc_identity.personal_data.service import read_personal_data


async def members(tx: AsyncSession, organisation_id: UUID, page: PageRequest, *, reader: str) -> Page[schemas.Member]:
    """Current members of an organisation, in the order they joined."""
    query = select(Membership).where(Membership.organisation_id == organisation_id, Membership.ended_at.is_(None))
    found = await page_of(tx, query, page, Membership.id, lambda membership: membership)
    clear = await read_personal_data(
        tx, [member.person_id for member in found.items], ["phone"], reader=reader, purpose=Purpose.MEMBER_LIST
    )
    shown = [show_member(member, clear[member.person_id].phone or "") for member in found.items]
    return Page(items=shown, next_cursor=found.next_cursor)


def membership_claims(session: Session, person_id: UUID) -> list[dict[str, Any]]:
    """What an access token says of a person's roles."""
    rows = session.execute(
        select(Membership.organisation_id, Membership.role, Organisation.division_code)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.person_id == person_id, Membership.ended_at.is_(None))
        .order_by(Membership.id)
    )
    return [
        {"organisation_id": str(row.organisation_id), "role": row.role, "division_code": row.division_code}
        for row in rows
    ]
