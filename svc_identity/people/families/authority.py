"""In what a person may act for another now, by a family account."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.db import now
from svc_identity.people.authorities.service import Authority
from svc_identity.people.families.models import FamilyAccount, FamilyStatus
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.suspensions.queries import suspension_of


def authority_of(session: Session, helper_id: UUID, helped_id: UUID) -> Authority | None:
    """What lets a helper act; None for whatever reason, so that nothing is disclosed.

    Both have a proved identity and access of their own: neither is suspended, and neither has closed the account.
    """
    both = (helper_id, helped_id)
    levels = session.scalars(select(Person.assurance_level).where(Person.id.in_(both), Person.closed_at.is_(None)))
    if [level >= PROOFED for level in levels] != [True, True]:
        return None
    if any(session.scalar(suspension_of(each)) for each in both):
        return None
    current = select(FamilyAccount).where(
        FamilyAccount.helped_id == helped_id,
        FamilyAccount.helper_id == helper_id,
        FamilyAccount.status == FamilyStatus.ACTIVE,
        FamilyAccount.valid_until > now(),
    )
    account = session.scalar(current.order_by(FamilyAccount.id.desc()).limit(1))
    if account is None:
        return None
    named = {"day_limit_fen": account.day_limit_fen, "month_limit_fen": account.month_limit_fen}
    limits = {name: value for name, value in named.items() if value is not None}
    return Authority(str(account.id), frozenset(account.scopes), (), account.valid_until, limits)
