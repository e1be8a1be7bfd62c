"""Bindings end: an account changes hands, or a person is not who they had proved to be."""

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.outbox import emit
from chassis.telemetry import SecurityEvent
from kit.calendar import today_of
from kit.leases import claimable
from kit.security_log import record_on_commit
from svc_services.accounts.bindings.events import AccountBindingEnded
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus, Role
from svc_services.accounts.invitations.models import erase_words, withdraw_all
from svc_services.accounts.readings.models import forget_readers

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

    What they wrote about people they invited, and what was written about them, goes as well; their readings no longer
    name them.

    The rows stay for the trail, which has hashes of the number with the id of the query; both are overwritten.
    """
    await _end_each(tx, AccountBinding.person_id == person_id, reason="person_closed")
    of_person = select(AccountBinding).where(AccountBinding.person_id == person_id).with_for_update()
    for binding in (await tx.scalars(of_person)).all():
        if binding.status == BindingStatus.UNKNOWN:
            binding.end()
        binding.account_number, binding.request_id, binding.held_until = "", new_id(), None
    await erase_words(tx, person_id)
    await forget_readers(tx, person_id)


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


async def end_members(tx: AsyncSession, owner: AccountBinding) -> None:
    """End the access of everybody invited by a binding that has ended, and withdraw its open invitations.

    The binding is locked. Whoever accepts an invitation holds that lock until they are committed, so that this
    statement, begun after it was got, sees them.
    """
    if owner.role != Role.OWNER:
        return
    await withdraw_all(tx, owner.id)
    members = select(AccountBinding).where(
        AccountBinding.granted_by == owner.id, AccountBinding.status == BindingStatus.ACTIVE
    )
    for member in (await tx.scalars(members.order_by(AccountBinding.id).with_for_update())).all():
        member.end()
        await tell_ended(tx, member, "owner_ended")


async def end_timed(database: Database) -> None:
    """End the access of invited people whose last day is over, one in a transaction."""
    while True:
        async with database.transaction() as tx:
            over = select(AccountBinding).where(
                AccountBinding.status == BindingStatus.ACTIVE, AccountBinding.access_until < await today_of(tx)
            )
            binding = await tx.scalar(claimable(over, AccountBinding.access_until, AccountBinding.id, limit=1))
            if binding is None:
                return
            binding.end()
            await tell_ended(tx, binding, "time_over")


async def _end_each(tx: AsyncSession, *which: ColumnElement[bool], reason: str, held_until: date | None = None) -> None:
    # The answer about a pending one is on its way, and is about the name of before.
    live = select(AccountBinding).where(AccountBinding.status.in_(_LIVE), *which)
    for binding in (await tx.scalars(live.order_by(AccountBinding.id).with_for_update())).all():
        if binding.status == BindingStatus.ENDED:  # with the owner's, a moment ago
            continue
        if binding.status == BindingStatus.PENDING:
            binding.move_to(BindingStatus.UNKNOWN)
        else:
            # Bills of a former holder stay with the holder, not with whom they had invited.
            binding.end(held_until if binding.role == Role.OWNER else None)
            await tell_ended(tx, binding, reason)
            await end_members(tx, binding)
