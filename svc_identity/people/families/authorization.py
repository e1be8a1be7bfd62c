"""Whether a person may act for another by a family account, as the token endpoint asks it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.db import now
from svc_identity.people.families.models import FamilyAccount, FamilyStatus
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.suspensions.queries import suspension_of


@dataclass(frozen=True)
class Permission:
    """What a helper's token may say."""

    family_account_id: UUID
    helped_id: UUID
    scopes: frozenset[str]
    limits: dict[str, int]
    """How much the helper may pay, in fen."""
    valid_until: datetime


def permission_of(session: Session, helper_id: UUID, family_account_id: UUID) -> Permission | None:
    """What a helper may do now; None where they may not, for whatever reason.

    Both have a proved identity and access of their own: neither is suspended, and neither has closed the account.
    """
    account = session.get(FamilyAccount, family_account_id, with_for_update={"read": True})
    if account is None or account.helper_id != helper_id or not is_in_force(session, account):
        return None
    named = {"day_limit_fen": account.day_limit_fen, "month_limit_fen": account.month_limit_fen}
    limits = {name: value for name, value in named.items() if value is not None}
    scopes = frozenset(account.scopes)
    return Permission(account.id, account.helped_id, scopes, limits, account.valid_until)


def is_in_force(session: Session, account: FamilyAccount) -> bool:
    """Whether the helper of a family account may act at this moment."""
    if account.status != FamilyStatus.ACTIVE or account.valid_until <= now():
        return False
    both = (account.helped_id, account.helper_id)
    levels = session.scalars(select(Person.assurance_level).where(Person.id.in_(both), Person.closed_at.is_(None)))
    suspended = [session.scalar(suspension_of(each)) for each in both if each]
    return [level >= PROOFED for level in levels] == [True, True] and not any(suspended)
