"""Consents: given, looked up, and needed before sensitive data is processed (PIPL 14, 15, 17 and 29)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.problems import Problem
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.people.consents.activities import Activity
from svc_identity.people.consents.models import Consent, Way


class ConsentRequired(Problem):
    """The activity needs a consent of its own to the `version` in force."""

    status, code = 409, "consent_required"


@dataclass(frozen=True)
class Given:
    """How and in which language a person agrees to a version."""

    version: str
    way: Way
    language: str
    client_id: str | None = None


async def give(tx: AsyncSession, person_id: UUID, activity: Activity, given: Given) -> None:
    """Record a consent. Idempotent: one in force stays as it is."""
    row = {
        "id": new_id(),
        "person_id": person_id,
        "activity": activity,
        "version": given.version,
        "way": given.way,
        "client_id": given.client_id,
        "language": given.language,
    }
    await tx.execute(
        insert(Consent)
        .values(row)
        .on_conflict_do_nothing(
            index_elements=["person_id", "activity", "version"], index_where=text("withdrawn_at IS NULL")
        )
    )


async def is_given(tx: AsyncSession, person_id: UUID, activity: Activity) -> bool:
    """Whether a person agrees to the version in force."""
    in_force = Consent.withdrawn_at.is_(None), Consent.version == version_in_force()
    held = exists().where(Consent.person_id == person_id, Consent.activity == activity, *in_force)
    return bool(await tx.scalar(select(held)))


async def require(tx: AsyncSession, person_id: UUID, activity: Activity, given: Given | None) -> None:
    """Record the consent that comes with a request, or find the one that is in force.

    Raises:
        ConsentRequired: there is none, or it is to another version.
    """
    if given and given.version == version_in_force():
        await give(tx, person_id, activity, given)
    elif not await is_given(tx, person_id, activity):
        raise ConsentRequired(activity=activity, version=version_in_force())
