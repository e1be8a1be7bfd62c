"""What a step of a case does to its account, in the transaction of the step."""

from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import today
from svc_services.accounts.holder_changes.models import ChangeKind
from svc_services.accounts.holder_changes.schemas import NewHolderChange
from svc_services.accounts.holder_changes.service import report
from svc_services.cases.account_clashes.service import open_or_keep
from svc_services.cases.applications.models import Application
from svc_services.cases.workflows.definition import AccountEffect


async def carry_out(tx: AsyncSession, case: Application, effect: AccountEffect) -> None:
    """Bind the account of a case to the applicant, or end the bindings of who has held it until today.

    Raises:
        BadAccountNumber: the provider named a number that none of its accounts has.
        LaterChangeKnown, OtherChangeKnown: the provider has reported another change of the account.
    """
    if case.account_number is None:
        return  # its person has closed their account, which ended the binding and erased the number
    match effect:
        case AccountEffect.OPENS:
            await open_or_keep(tx, case, case.account_number)
        case AccountEffect.CLOSES:
            await _held_until_today(tx, case, ChangeKind.ENDED)
        case AccountEffect.TRANSFERS:
            await _held_until_today(tx, case, ChangeKind.NEW_HOLDER)
        case _:
            assert_never(effect)


async def _held_until_today(tx: AsyncSession, case: Application, kind: ChangeKind) -> None:
    change = {"account_number": case.account_number, "kind": kind, "effective_on": today().isoformat()}
    # As when the provider reports it itself: then it is known already, and nothing happens twice.
    await report(tx, case.provider_id, NewHolderChange.model_validate(change))
