"""Two operators connect a company: the first one reads the report of its run, the second one approves."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import Problem
from chassis.telemetry import SecurityEvent
from kit.approvals import require_second_person
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from svc_services.callers import OPERATOR
from svc_services.providers.applications.models import ProviderApplication
from svc_services.providers.conformance.models import ProviderEndorsement
from svc_services.providers.conformance.queries import require_passed_run
from svc_services.providers.corrections.queries import correctors_of
from svc_services.providers.organisations.service import speakers_of

PROPOSED = SecurityEvent("client_change_proposed")


class NotEndorsed(Problem):
    """No first operator has given their word since the newest run and the last correction."""

    status, code = 409, "not_endorsed"


async def endorse(tx: AsyncSession, caller: Caller, application: ProviderApplication) -> None:
    """Give the first operator's word for a locked application. A later word takes the place of an earlier one.

    Raises:
        ConformanceNotShown
        SecondPersonNeeded: the caller made or corrected the application, or speaks for its organisation.
    """
    await require_no_part(tx, caller, application)
    run = await require_passed_run(tx, application)
    word = {
        "run_id": run.id,
        "application_revision": application.revision,
        "endorsed_by": caller.id,
        "endorsed_at": now(),
    }
    given = insert(ProviderEndorsement).values(application_id=application.id, **word)
    await tx.execute(given.on_conflict_do_update(index_elements=[ProviderEndorsement.application_id], set_=word))
    record_on_commit(tx, PROPOSED, "endorse", application_id=application.id, proposed_by=caller.id)


async def require_no_part(tx: AsyncSession, caller: Caller, application: ProviderApplication) -> None:
    """Refuse to let anybody decide who made or corrected an application, or may speak for its organisation.

    Raises:
        SecondPersonNeeded
    """
    speakers = await speakers_of(tx, application.uscc)
    require_second_person(caller.id, application.proved_by, *await correctors_of(tx, application.id), *speakers)


async def require_endorsed(tx: AsyncSession, caller: Caller, application: ProviderApplication) -> None:
    """Refuse to connect a company that only one operator has looked at, or that has shown nothing.

    Raises:
        ConformanceNotShown, NotEndorsed
        SecondPersonNeeded, and the others of `require_second_holder`
    """
    run = await require_passed_run(tx, application)
    word = await tx.get(ProviderEndorsement, application.id, with_for_update=True, populate_existing=True)
    if word is None or (word.run_id, word.application_revision) != (run.id, application.revision):
        raise NotEndorsed
    within = application.division_codes
    acting = acting_in(caller, within, OPERATOR)
    await require_second_holder(tx, acting, word.endorsed_by, since=word.endorsed_at, within=within)
    word.approved_by = caller.id
