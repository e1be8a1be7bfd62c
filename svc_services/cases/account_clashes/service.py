"""An account that a company opens is bound to its applicant, or goes to operators where somebody else holds it.

The company gets the same answer either way: otherwise it could ask of every number whether somebody has bound it.
"""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound
from chassis.telemetry import SecurityEvent
from kit.approvals import require_second_person
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in
from svc_services.accounts.bindings.openings import AccountBoundToAnother, open_for
from svc_services.callers import OPERATOR
from svc_services.cases.account_clashes import schemas
from svc_services.cases.account_clashes.models import AccountClash, ClashStatus
from svc_services.cases.applications.models import Application
from svc_services.providers.applications.models import Provider

_FOUND = SecurityEvent("account_clash_found")
_CLOSED = SecurityEvent("account_clash_closed")


async def open_or_keep(tx: AsyncSession, case: Application, account_number: str) -> None:
    """Bind the account to the applicant of a case; where it is somebody else's, keep that for an operator.

    Raises:
        BadAccountNumber
    """
    try:
        await open_for(tx, case.person_id, case.provider_id, account_number)
    except AccountBoundToAnother as bound:
        clash = AccountClash(application_id=case.id, provider_id=case.provider_id, binding_id=bound.binding_id)
        tx.add(clash)
        await tx.flush()
        record_on_commit(tx, _FOUND, clash_id=clash.id, application_id=case.id, provider_id=case.provider_id)


async def clashes(tx: AsyncSession, application_id: UUID) -> bool:
    """Whether the number of a case waits for an operator."""
    waiting = exists().where(AccountClash.application_id == application_id, AccountClash.status == ClashStatus.OPEN)
    return bool(await tx.scalar(select(waiting)))


async def close(tx: AsyncSession, caller: Caller, clash_id: UUID, wanted: schemas.ClosedClash) -> schemas.AccountClash:
    """Bind the account to the applicant after all, once the other binding has ended, or dismiss the clash.

    Raises:
        NotFound, NotYourDivision, IllegalMove
        SecondPersonNeeded: it is the caller's own application.
        AccountBoundToAnother: it is somebody else's still.
    """
    clash = await tx.get(AccountClash, clash_id, with_for_update=True, populate_existing=True)
    if clash is None:
        raise NotFound
    acting_in(caller, (await tx.get_one(Provider, clash.provider_id)).division_codes, OPERATOR)
    case = await tx.get_one(Application, clash.application_id)
    require_second_person(caller.id, case.person_id)
    clash.close(ClashStatus(wanted.outcome), caller.id, wanted.reason)
    if clash.status == ClashStatus.BOUND:
        if case.account_number is None:
            raise NotFound  # its person has closed their account
        await open_for(tx, case.person_id, case.provider_id, case.account_number)
    record_on_commit(tx, _CLOSED, clash_id=clash.id, outcome=clash.status, provider_id=clash.provider_id)
    return shown(clash)


def shown(clash: AccountClash) -> schemas.AccountClash:
    names = ("application_id", "provider_id", "binding_id", "status", "found_at", "closed_by", "closed_at", "reason")
    return schemas.AccountClash(clash_id=clash.id, **{name: getattr(clash, name) for name in names})
