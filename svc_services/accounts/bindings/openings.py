"""A provider has opened an account for an applicant: it is bound to them without another question about the holder."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from chassis.problems import Problem
from kit.calendar import today
from kit.security_log import record_on_commit
from svc_services.accounts.bindings.events import AccountBindingActivated
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus
from svc_services.accounts.bindings.service import BOUND, BadAccountNumber
from svc_services.accounts.holder_changes.models import ChangeKind
from svc_services.accounts.holder_changes.queries import held_from, latest_day
from svc_services.accounts.holder_changes.schemas import NewHolderChange
from svc_services.accounts.holder_changes.service import report
from svc_services.base import lock
from svc_services.providers.applications.models import Provider

_LIVE = (BindingStatus.PENDING, BindingStatus.ACTIVE, BindingStatus.UNKNOWN)


class AccountBoundToAnother(Problem):
    """The number is another person's account; the provider named a wrong one, or has not reported a new holder."""

    status, code = 409, "account_bound_to_another"

    def __init__(self, binding_id: UUID) -> None:
        super().__init__()
        self.binding_id = binding_id


async def open_for(tx: AsyncSession, person_id: UUID, provider_id: UUID, account_number: str) -> None:
    """Bind the account that a provider has opened to its holder. Idempotent.

    Raises:
        BadAccountNumber: no account of this provider has such a number.
        AccountBoundToAnother
    """
    numbers = (await tx.get_one(Provider, provider_id)).account_numbers
    if fault := numbers.fault(account_number):
        raise BadAccountNumber(numbers, reason=fault)
    # As where people bind accounts themselves, and in that order.
    await lock(tx, "bindings of", person_id)
    await lock(tx, "owner of", provider_id, account_number)
    of_account = select(AccountBinding).where(
        AccountBinding.provider_id == provider_id,
        AccountBinding.account_number == account_number,
        AccountBinding.status.in_(_LIVE),
    )
    live = (await tx.scalars(of_account.order_by(AccountBinding.id).with_for_update())).all()
    others = (each.id for each in live if each.status == BindingStatus.ACTIVE and each.person_id != person_id)
    if other := next(others, None):
        raise AccountBoundToAnother(other)
    own = next((each for each in live if each.person_id == person_id), None)
    if own is not None and own.status == BindingStatus.ACTIVE:
        return
    await _begin_today(tx, provider_id, account_number)
    if own is None or own.status not in _LIVE:
        own = AccountBinding(person_id=person_id, provider_id=provider_id, account_number=account_number)
        own.status = BindingStatus.PENDING
        tx.add(own)
    await _activate(tx, own)


async def _begin_today(tx: AsyncSession, provider_id: UUID, account_number: str) -> None:
    """Let the account be another's until yesterday, whose bills its new holder does not see."""
    yesterday = today() - timedelta(days=1)
    latest = await latest_day(tx, provider_id, account_number)
    if latest is None or latest < yesterday:
        change = {
            "account_number": account_number,
            "kind": ChangeKind.NEW_HOLDER,
            "effective_on": yesterday.isoformat(),
        }
        await report(tx, provider_id, NewHolderChange.model_validate(change))


async def _activate(tx: AsyncSession, binding: AccountBinding) -> None:
    if binding.status == BindingStatus.UNKNOWN:
        binding.ask()
    binding.activate()
    await tx.flush()
    named = ("person_id", "provider_id", "account_number", "role")
    activated = AccountBindingActivated(
        binding_id=binding.id,
        held_from=await held_from(tx, binding.provider_id, binding.account_number),
        **{name: getattr(binding, name) for name in named},
    )
    await emit(tx, activated)
    record_on_commit(tx, BOUND, binding_id=binding.id, provider_id=binding.provider_id, person_id=binding.person_id)
