"""Sign-ins end with the factor that proved them: whoever still holds a lost device must not go on, nor get codes anew.

This service refuses such a sign-in at once; the worker ends it within a second, which every service then hears.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session

from svc_identity.oauth.models import TokenFamily
from svc_identity.organisations.enrolment.models import FactorReset, ResetStatus
from svc_identity.people.factors.models import Factor


def _is_over() -> ColumnElement[bool]:
    """Its factor was removed, or all factors of its person were reset since."""
    removed = exists().where(Factor.id == TokenFamily.factor_id, Factor.removed_at.is_not(None))
    approved = exists().where(
        FactorReset.person_id == TokenFamily.person_id, FactorReset.status == ResetStatus.APPROVED
    )
    return or_(removed, approved.where(FactorReset.decided_at >= TokenFamily.created_at))


def is_over(session: Session, family: TokenFamily) -> bool:
    return session.scalar(select(TokenFamily.id).where(TokenFamily.id == family.id, _is_over())) is not None


def over(since: datetime) -> Select[TokenFamily]:
    """The sign-ins that last although their factor was removed or reset after `since`."""
    resets = select(FactorReset.person_id).where(FactorReset.status == ResetStatus.APPROVED)
    people = or_(
        TokenFamily.person_id.in_(select(Factor.person_id).where(Factor.removed_at > since)),
        TokenFamily.person_id.in_(resets.where(FactorReset.decided_at > since)),
    )
    return select(TokenFamily).where(TokenFamily.ended_at.is_(None), people, _is_over()).order_by(TokenFamily.id)
