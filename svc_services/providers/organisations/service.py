"""In whose name an application is made: an organisation that was claimed speaks through its representative alone."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_services.providers.applications.models import ApplicationStatus, Closure, ProviderApplication
from svc_services.providers.organisations.models import ClaimedOrganisation, Mandate
from svc_services.reference.models import PREFECTURE, UtilityKind

_APPLICATIONS = "applications"
DISPLACED = SecurityEvent("client_application_displaced")


class OrganisationClaimedByOther(Problem):
    """Its legal representative has claimed it; an application without their token is not theirs."""

    status, code = 403, "organisation_claimed"


class NotForOrganisation(Problem):
    """The token is of somebody who does not represent this organisation, or has not claimed it yet."""

    status, code = 403, "not_for_organisation"


class ApplicationUnproved(Problem):
    """The organisation was claimed after a stranger had applied in its name."""

    status, code = 409, "application_unproved"


class BeyondMandate(Problem):
    status, code = 403, "beyond_mandate"


async def require_speaker(
    tx: AsyncSession, applicant: Caller | None, uscc: str, division_codes: Collection[str]
) -> UUID | None:
    """The representative or agent who applies, or None where nobody has claimed the organisation.

    Raises:
        OrganisationClaimedByOther, NotForOrganisation, BeyondMandate
    """
    # Shared, so that whoever ends what somebody may do here waits for this application and finds it.
    claimed = await tx.get(ClaimedOrganisation, uscc, with_for_update={"read": True})
    if applicant is None:
        if claimed:
            raise OrganisationClaimedByOther(uscc=uscc)
        return None
    if claimed is None:
        raise NotForOrganisation(uscc=uscc)
    if applicant.kind == "organisation":
        return _actor_for(claimed, applicant, division_codes)
    if claimed.representative_id != applicant.id:
        await _require_mandate(tx, applicant.id, uscc, division_codes)
    return applicant.id


def _actor_for(claimed: ClaimedOrganisation, applicant: Caller, division_codes: Collection[str]) -> UUID:
    """Who acts for this organisation by a token that says so, and where; its end is announced to every service."""
    if claimed.organisation_id != applicant.id:
        raise NotForOrganisation(uscc=claimed.uscc)
    _require_covered(applicant.division_codes, division_codes, claimed.uscc)
    return UUID(applicant.actor)


def _require_covered(covered: Collection[str], division_codes: Collection[str], uscc: str) -> None:
    if PREFECTURE not in covered and not set(division_codes) <= set(covered):
        raise BeyondMandate(uscc=uscc)


async def _require_mandate(tx: AsyncSession, agent_id: UUID, uscc: str, division_codes: Collection[str]) -> None:
    """Refuse who has no mandate of now for this matter, or not for all of these divisions."""
    current = select(Mandate.division_codes).where(
        Mandate.uscc == uscc,
        Mandate.agent_id == agent_id,
        Mandate.scopes.contains([_APPLICATIONS]),
        Mandate.ended_at.is_(None),
        Mandate.valid_until > now(),
    )
    covered = {code for codes in await tx.scalars(current) for code in codes}
    if not covered:
        raise NotForOrganisation(uscc=uscc)
    _require_covered(covered, division_codes, uscc)


async def speakers_of(tx: AsyncSession, uscc: str) -> set[UUID]:
    """Who may speak for an organisation now: its representative, and whoever has a mandate, for whatever matter."""
    current = select(Mandate.agent_id).where(
        Mandate.uscc == uscc, Mandate.ended_at.is_(None), Mandate.valid_until > now()
    )
    claimed = await tx.get(ClaimedOrganisation, uscc)
    return {*await tx.scalars(current), *([claimed.representative_id] if claimed else [])}


async def release_speaker(tx: AsyncSession, person_id: UUID) -> None:
    """Take back what a person who has lost their identity proved: mandates, and undecided applications.

    The organisation files anew, or its application expires like a stranger's.
    """
    mine = Mandate.agent_id == person_id, Mandate.ended_at.is_(None)
    organisations = select(Mandate.uscc).where(Mandate.agent_id == person_id)
    held = select(ClaimedOrganisation).where(ClaimedOrganisation.uscc.in_(organisations))
    await tx.execute(held.order_by(ClaimedOrganisation.uscc).with_for_update())
    await tx.execute(update(Mandate).where(*mine).values(ended_at=now()))
    undecided = ProviderApplication.proved_by == person_id, ProviderApplication.status == ApplicationStatus.APPLIED
    await tx.execute(update(ProviderApplication).where(*undecided).values(proved_by=None))


async def displace_unproved(tx: AsyncSession, uscc: str, kind: UtilityKind) -> None:
    """Make room for the representative's own application."""
    strangers = (
        ProviderApplication.uscc == uscc,
        ProviderApplication.kind == kind,
        ProviderApplication.status == ApplicationStatus.APPLIED,
        ProviderApplication.proved_by.is_(None),
    )
    closed = {"status": ApplicationStatus.REFUSED, "closure": Closure.DISPLACED}
    displaced = update(ProviderApplication).where(*strangers).values(closed)
    for application_id in await tx.scalars(displaced.returning(ProviderApplication.id)):
        record_on_commit(tx, DISPLACED, application_id=application_id)


async def require_proved(tx: AsyncSession, application: ProviderApplication) -> None:
    """Refuse to approve what a stranger has filed in the name of an organisation that was claimed since.

    Raises:
        ApplicationUnproved
    """
    claimed = await tx.get(ClaimedOrganisation, application.uscc)
    if claimed and application.proved_by is None:
        raise ApplicationUnproved(uscc=application.uscc)
