"""The life of a mandate, each step in the caller's transaction. Its row is locked first, then its debits."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import database_time
from kit.security_log import record_on_commit
from svc_payments.collection.mandates import schemas
from svc_payments.collection.mandates.events import (
    MandateActivated,
    MandateCancelled,
    MandateEvent,
    MandateExpired,
    MandateRequested,
    MandateSuspended,
    event_of,
)
from svc_payments.collection.mandates.models import LIVE, OVER, Debit, DebitStatus, EndReason, Mandate, MandateStatus
from svc_payments.oversight.audit import service as audit
from svc_payments.parties.accounts.queries import is_bound
from svc_payments.parties.providers.account_numbers import require_number_of

MANDATE_CHANGED = SecurityEvent("mandate_changed")
ROLES = ("owner", "family")
"""Who may let an account's bills be deducted: not its tenants, who leave."""
_OPEN = (DebitStatus.ANNOUNCED, DebitStatus.OVER_LIMIT)


class MandateNotForTenants(Problem):
    status, code = 403, "mandate_not_for_tenants"


class MandateExists(Problem):
    """An account has at most one mandate, no matter who gave it."""

    status, code = 409, "mandate_exists"


class MandateNotSigned(Problem):
    """Only the channel can say that a contract is signed."""

    status, code = 409, "mandate_not_signed"


async def request(tx: AsyncSession, person_id: UUID, new: schemas.NewMandate, lifetime: timedelta) -> schemas.Mandate:
    """Record a mandate; it takes effect once the contract is signed.

    Raises:
        BadAccountNumber, BadAccountCheckDigit: no account of this provider has such a number.
        NotFound: the person is not bound to the account.
        MandateNotForTenants: they are, but not as its owner or family.
        MandateExists: the account has a mandate, or one is about to be signed.
    """
    account = (person_id, new.provider_id, new.account_number)
    if not await is_bound(tx, *account):
        await require_number_of(tx, new.provider_id, new.account_number)
        raise NotFound
    if not await is_bound(tx, *account, ROLES):
        raise MandateNotForTenants
    sign_by = await database_time(tx) + lifetime
    values = {"id": new_id(), "person_id": person_id, **new.model_dump(), "sign_by": sign_by, "ask_at": sign_by}
    requested = insert(Mandate).values(**values, status=MandateStatus.REQUESTED, asked=0).on_conflict_do_nothing()
    mandate_id = await tx.scalar(requested.returning(Mandate.id))
    if mandate_id is None:
        raise MandateExists
    mandate = await tx.get_one(Mandate, mandate_id)
    await _publish(tx, MandateRequested, mandate)
    return schemas.shown(mandate)


async def own_mandate(tx: AsyncSession, person_id: UUID, mandate_id: UUID, *, locked: bool = False) -> Mandate:
    """A mandate that this person gave.

    Raises:
        NotFound: there is none, or it belongs to another person; the answer does not say which.
    """
    mandate = await _mandate(tx, Mandate.id == mandate_id, Mandate.person_id == person_id, locked=locked)
    if mandate is None:
        raise NotFound
    return mandate


async def lock(tx: AsyncSession, mandate_id: UUID) -> Mandate:
    """A mandate for changing, as the last one who changed it left it.

    Raises:
        NotFound
    """
    mandate = await _mandate(tx, Mandate.id == mandate_id, locked=True)
    if mandate is None:
        raise NotFound
    return mandate


async def cancel_own(tx: AsyncSession, caller: Caller, mandate_id: UUID) -> schemas.Mandate:
    """End the deductions at once, including those announced and not ordered yet.

    Raises:
        NotFound: it is not this person's.
        IllegalMove: it is over.
    """
    mandate = await own_mandate(tx, caller.id, mandate_id, locked=True)
    await end(tx, mandate, EndReason.PERSON)
    await audit.record(tx, caller, "cancel_mandate", mandate.id)
    return schemas.shown(mandate)


async def suspend(tx: AsyncSession, person_id: UUID, mandate_id: UUID) -> schemas.Mandate:
    """Pause a mandate; what was announced is not deducted.

    Raises:
        NotFound, IllegalMove
    """
    mandate = await own_mandate(tx, person_id, mandate_id, locked=True)
    mandate.move_to(MandateStatus.SUSPENDED)
    await _withdraw(tx, mandate)
    await _publish(tx, MandateSuspended, mandate)
    return schemas.shown(mandate)


async def resume(tx: AsyncSession, person_id: UUID, mandate_id: UUID) -> schemas.Mandate:
    """Resume a suspended mandate; bills are announced again, with the full notice.

    Raises:
        NotFound, IllegalMove
        MandateNotSigned: it has not begun yet.
    """
    mandate = await own_mandate(tx, person_id, mandate_id, locked=True)
    if mandate.status == MandateStatus.REQUESTED:
        raise MandateNotSigned
    mandate.move_to(MandateStatus.ACTIVE)
    mandate.look_at = await database_time(tx)
    await _publish(tx, MandateActivated, mandate)
    return schemas.shown(mandate)


async def contract_signed(tx: AsyncSession, mandate: Mandate, contract_id: str) -> None:
    """The channel says that the contract of a locked mandate is signed."""
    mandate.contract_id = mandate.contract_id or contract_id
    moment = await database_time(tx)
    if mandate.status == MandateStatus.REQUESTED:
        mandate.move_to(MandateStatus.ACTIVE)
        mandate.activated_at = mandate.look_at = moment
        mandate.ask_at = None
        await _publish(tx, MandateActivated, mandate)
    elif mandate.status in OVER:
        # Signed after all, or at the last moment: it has to be ended at the channel as well.
        mandate.ask_at = moment


async def contract_ended(tx: AsyncSession, mandate: Mandate) -> None:
    """The channel reports that the contract of a locked mandate cannot be charged."""
    if mandate.status == MandateStatus.REQUESTED:
        mandate.move_to(MandateStatus.EXPIRED)
        mandate.ended_at = await database_time(tx)
        await _publish(tx, MandateExpired, mandate)
    elif mandate.status in LIVE:
        await end(tx, mandate, EndReason.CHANNEL)
    mandate.ask_at = None


async def end(tx: AsyncSession, mandate: Mandate, reason: EndReason) -> None:
    """End a locked mandate. Nothing more is ordered from now on; the channel is notified afterwards."""
    moment = await database_time(tx)
    mandate.move_to(MandateStatus.CANCELLED)
    mandate.end_reason, mandate.ended_at, mandate.ask_at = reason, moment, moment
    await _withdraw(tx, mandate)
    await _publish(tx, MandateCancelled, mandate)


async def binding_ended(tx: AsyncSession, person_id: UUID, provider_id: UUID, account_number: str) -> None:
    """A person's binding to an account has ended; without another one that allows it, so does their mandate."""
    if await is_bound(tx, person_id, provider_id, account_number, ROLES):
        return
    conditions = (
        Mandate.person_id == person_id,
        Mandate.provider_id == provider_id,
        Mandate.account_number == account_number,
        Mandate.status.in_(LIVE),
    )
    if mandate := await _mandate(tx, *conditions, locked=True):
        await end(tx, mandate, EndReason.BINDING_ENDED)


async def _publish(tx: AsyncSession, event: type[MandateEvent], mandate: Mandate) -> None:
    await emit(tx, event_of(event, mandate))
    ids = {"mandate_id": mandate.id, "person_id": mandate.person_id, "provider_id": mandate.provider_id}
    record_on_commit(tx, MANDATE_CHANGED, mandate.status, **ids)


async def _withdraw(tx: AsyncSession, mandate: Mandate) -> None:
    withdrawn = update(Debit).where(Debit.mandate_id == mandate.id, Debit.status.in_(_OPEN))
    await tx.execute(withdrawn.values(status=DebitStatus.WITHDRAWN, reason=mandate.status))


async def _mandate(tx: AsyncSession, *conditions: ColumnElement[bool], locked: bool) -> Mandate | None:
    query = select(Mandate).where(*conditions)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await tx.scalars(query)).one_or_none()
