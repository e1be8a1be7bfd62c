"""Bindings end: an account changes hands, or a person is not who they had proved to be."""

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.outbox import emit
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_services.accounts.bindings.events import AccountBindingEnded
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus

UNBOUND = SecurityEvent("account_unbound")
_LIVE = (BindingStatus.ACTIVE, BindingStatus.PENDING)


async def end_of_account(
    tx: AsyncSession, provider_id: UUID, account_number: str, *, held_until: date, asking: UUID | None = None
) -> None:
    """End every binding of an account that changes hands.

    All but `asking`: the binding of the next holder, about whom the provider was queried after that day.
    """
    of_account = (
        AccountBinding.provider_id == provider_id,
        AccountBinding.account_number == account_number,
        AccountBinding.id.is_distinct_from(asking),
    )
    await _end_each(tx, *of_account, reason="holder_changed", held_until=held_until)


async def end_of_person(tx: AsyncSession, person_id: UUID) -> None:
    """End every binding of a person whose proof of identity was revoked: it was made by somebody else's name."""
    await _end_each(tx, AccountBinding.person_id == person_id, reason="proof_revoked")


async def erase_of_person(tx: AsyncSession, person_id: UUID) -> None:
    """End every binding of a person who has closed their account, and erase the account numbers.

    The rows stay for the trail, which has hashes of the number with the id of the query; both are overwritten.
    """
    await _end_each(tx, AccountBinding.person_id == person_id, reason="person_closed")
    of_person = select(AccountBinding).where(AccountBinding.person_id == person_id).with_for_update()
    for binding in (await tx.scalars(of_person)).all():
        if binding.status == BindingStatus.UNKNOWN:
            binding.end()
        binding.account_number, binding.request_id, binding.held_until = "", new_id(), None


async def tell_ended(tx: AsyncSession, binding: AccountBinding, reason: str) -> None:
    """Say in an event and in the security log that a binding has ended."""
    ended = AccountBindingEnded(
        binding_id=binding.id,
        person_id=binding.person_id,
        provider_id=binding.provider_id,
        account_number=binding.account_number,
        held_until=binding.held_until,
    )
    await emit(tx, ended)
    about = {"provider_id": binding.provider_id, "person_id": binding.person_id}
    record_on_commit(tx, UNBOUND, reason, binding_id=binding.id, **about)


async def _end_each(tx: AsyncSession, *which: ColumnElement[bool], reason: str, held_until: date | None = None) -> None:
    # The answer about a pending one is on its way, and is about the name of before.
    live = select(AccountBinding).where(AccountBinding.status.in_(_LIVE), *which)
    for binding in (await tx.scalars(live.order_by(AccountBinding.id).with_for_update())).all():
        if binding.status == BindingStatus.PENDING:
            binding.move_to(BindingStatus.UNKNOWN)
        else:
            binding.end(held_until)
            await tell_ended(tx, binding, reason)
