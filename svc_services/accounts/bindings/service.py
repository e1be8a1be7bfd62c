"""Binding a utility account to a person: the provider verifies the real name between two transactions."""

import math
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database, now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.fields.customer_parameters import NumberDoesNotFit
from kit.security_log import record_on_commit
from svc_services.accounts.bindings import schemas
from svc_services.accounts.bindings.attestations import Attestation
from svc_services.accounts.bindings.ends import end_members, tell_ended
from svc_services.accounts.bindings.events import activated
from svc_services.accounts.bindings.models import (
    RIGHTS,
    AccountBinding,
    BindingStatus,
    Refusal,
    Role,
    UsedAttestation,
)
from svc_services.accounts.bindings.provider import Outcome, Question
from svc_services.accounts.holder_changes.queries import held_from
from svc_services.base import lock
from svc_services.providers.applications.models import Provider

BOUND = SecurityEvent("account_bound")
BINDING_REFUSED = SecurityEvent("account_binding_refused")
"""Somebody tries an account that is not theirs, or a proof of their name a second time."""
_MOST_REFUSALS = 10
_REFUSAL_WINDOW = timedelta(days=1)
_ABANDONED_AFTER = timedelta(minutes=1)
"""Much longer than a provider may take: the process that sent the query has died."""


class BadAccountNumber(NumberDoesNotFit):
    """`reason`: shape, check_digit."""

    status, code = 422, "bad_account_number"


class UnknownProvider(Problem):
    status, code = 422, "unknown_provider"


class ProviderSuspended(Problem):
    status, code = 409, "provider_suspended"


class AttestationAlreadyUsed(Problem):
    status, code, security = 409, "attestation_already_used", BINDING_REFUSED


class TooManyAttempts(Problem):
    status, code = 429, "too_many_attempts"

    def __init__(self, free_at: datetime) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(max(1, math.ceil((free_at - now()).total_seconds())))}


class BindingInProgress(Problem):
    status, code = 409, "binding_in_progress"
    headers = {"Retry-After": "10"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class AlreadyBound(Problem):
    status, code, security = 409, Refusal.ALREADY_BOUND, BINDING_REFUSED


class AccountNotFound(Problem):
    status, code, security = 422, Refusal.ACCOUNT_NOT_FOUND, BINDING_REFUSED


class HolderDoesNotMatch(Problem):
    status, code, security = 422, Refusal.HOLDER_DOES_NOT_MATCH, BINDING_REFUSED


class ProviderUnreachable(Problem):
    """The binding stays unknown until the resident retries with a fresh attestation.

    So not a 503 with Retry-After: clients may repeat such a request as it is.
    """

    status, code = 502, "provider_unreachable"


_REFUSALS: dict[Refusal, type[Problem]] = {
    Refusal.ACCOUNT_NOT_FOUND: AccountNotFound,
    Refusal.HOLDER_DOES_NOT_MATCH: HolderDoesNotMatch,
    Refusal.ALREADY_BOUND: AlreadyBound,
}


async def begin(
    tx: AsyncSession, person_id: UUID, attestation: Attestation, provider_id: UUID, account_number: str
) -> Question:
    """First transaction: use the attestation and add a pending binding. Returns the query for the provider."""
    provider = await tx.get(Provider, provider_id)
    if provider is None:
        raise UnknownProvider
    if provider.suspended_at is not None:
        raise ProviderSuspended
    # One beginning of a person at a time, or the limits below could be outrun.
    await lock(tx, "bindings of", person_id)
    binding = await _live_binding(tx, person_id, provider_id, account_number)
    if binding and binding.status == BindingStatus.PENDING:
        raise BindingInProgress
    # A number on record is the provider's, also when it has declared others since.
    if binding is None and (fault := provider.account_numbers.fault(account_number)):
        raise BadAccountNumber(provider.account_numbers, reason=fault)
    await consume(tx, attestation)
    if binding and binding.status == BindingStatus.ACTIVE:
        raise AlreadyBound
    await _require_attempts_left(tx, person_id)
    if binding:
        binding.ask()
    else:
        binding = AccountBinding(person_id=person_id, provider_id=provider_id, account_number=account_number)
        tx.add(binding)
    await tx.flush()
    return Question(
        request_id=binding.request_id,
        binding_id=binding.id,
        provider_id=provider_id,
        endpoint_url=provider.endpoint_url,
        account_number=account_number,
        holder_name=attestation.name,
        asked_on=binding.asked_at.astimezone(CHINA).date(),
    )


async def settle(tx: AsyncSession, question: Question, outcome: Outcome) -> Problem | None:
    """Second transaction: apply the provider's answer. Returns the refusal, if any, to raise after the commit."""
    await lock(tx, "owner of", question.provider_id, question.account_number)
    binding = await tx.get(AccountBinding, question.binding_id, with_for_update=True)
    if binding is None or binding.request_id != question.request_id or binding.status != BindingStatus.PENDING:
        # This process slept so long that the binding was given up as unknown, and perhaps queried again.
        return ProviderUnreachable()
    if outcome is Outcome.NO_ANSWER:
        binding.move_to(BindingStatus.UNKNOWN)
        return ProviderUnreachable()
    refusal = await _refusal(tx, question, outcome)
    if refusal is not None:
        binding.refuse(refusal)
        return _REFUSALS[refusal]()
    binding.activate()
    await emit(tx, activated(binding, await held_from(tx, binding.provider_id, binding.account_number)))
    record_on_commit(tx, BOUND, binding_id=binding.id, provider_id=binding.provider_id, person_id=binding.person_id)
    return None


async def own_binding(tx: AsyncSession, person_id: UUID, binding_id: UUID) -> schemas.AccountBinding:
    """A binding as its person sees it."""
    return shown(await _held(tx, person_id, binding_id))


async def end(tx: AsyncSession, person_id: UUID, binding_id: UUID) -> None:
    """End a binding, and with the owner's the access of everybody they invited. Idempotent."""
    binding = await _held(tx, person_id, binding_id, locked=True)
    if binding.status == BindingStatus.ENDED:
        return
    was_active = binding.status == BindingStatus.ACTIVE
    binding.end()
    if was_active:
        await tell_ended(tx, binding, "by_person")
        await end_members(tx, binding)


async def give_up_abandoned(database: Database) -> None:
    """Mark bindings unknown whose process died between the two transactions, so that they can be retried."""
    async with database.transaction() as tx:
        abandoned = update(AccountBinding).where(
            AccountBinding.status == BindingStatus.PENDING, AccountBinding.asked_at < now() - _ABANDONED_AFTER
        )
        await tx.execute(abandoned.values(status=BindingStatus.UNKNOWN))


async def forget_expired_attestations(database: Database) -> None:
    async with database.transaction() as tx:
        # An hour: far beyond what two clocks may differ by.
        expired = UsedAttestation.expires_at < now() - timedelta(hours=1)
        await tx.execute(delete(UsedAttestation).where(expired))


async def _live_binding(
    tx: AsyncSession, person_id: UUID, provider_id: UUID, account_number: str
) -> AccountBinding | None:
    found: AccountBinding | None = await tx.scalar(
        select(AccountBinding)
        .where(
            AccountBinding.person_id == person_id,
            AccountBinding.provider_id == provider_id,
            AccountBinding.account_number == account_number,
            AccountBinding.status.in_((BindingStatus.PENDING, BindingStatus.ACTIVE, BindingStatus.UNKNOWN)),
        )
        .with_for_update()
    )
    return found


async def consume(tx: AsyncSession, attestation: Attestation) -> None:
    """Use an attestation up.

    Raises:
        AttestationAlreadyUsed
    """
    first = insert(UsedAttestation).values(jti=attestation.jti, expires_at=attestation.expires_at)
    if await tx.scalar(first.on_conflict_do_nothing().returning(UsedAttestation.jti)) is None:
        raise AttestationAlreadyUsed


async def _require_attempts_left(tx: AsyncSession, person_id: UUID) -> None:
    """Limits guessing of account numbers held under one's own name."""
    recent = select(AccountBinding.asked_at).where(
        AccountBinding.person_id == person_id,
        AccountBinding.asked_at > now() - _REFUSAL_WINDOW,
        AccountBinding.status.in_((BindingStatus.PENDING, BindingStatus.REFUSED)),
    )
    asked = (await tx.scalars(recent.order_by(AccountBinding.asked_at.desc()).limit(_MOST_REFUSALS))).all()
    if len(asked) >= _MOST_REFUSALS:
        raise TooManyAttempts(asked[-1] + _REFUSAL_WINDOW)


async def _refusal(tx: AsyncSession, question: Question, outcome: Outcome) -> Refusal | None:
    if outcome is Outcome.NO_ACCOUNT:
        return Refusal.ACCOUNT_NOT_FOUND
    if outcome is Outcome.NO_MATCH:
        return Refusal.HOLDER_DOES_NOT_MATCH
    owner = select(AccountBinding.id).where(
        AccountBinding.provider_id == question.provider_id,
        AccountBinding.account_number == question.account_number,
        AccountBinding.status == BindingStatus.ACTIVE,
        AccountBinding.role == Role.OWNER,
    )
    # Looked up only for someone who carries the holder's name: a stranger must not learn that an account is bound.
    return Refusal.ALREADY_BOUND if await tx.scalar(owner) else None


async def own(tx: AsyncSession, person_id: UUID, binding_id: UUID, *, locked: bool = False) -> AccountBinding:
    """A binding of the person; another person's is not found."""
    binding = await tx.get(AccountBinding, binding_id, with_for_update=locked)
    if binding is None or binding.person_id != person_id:
        raise NotFound
    return binding


async def _held(tx: AsyncSession, person_id: UUID, binding_id: UUID, *, locked: bool = False) -> AccountBinding:
    """A binding of the person as holder; an access by invitation is another resource."""
    binding = await own(tx, person_id, binding_id, locked=locked)
    if binding.role != Role.OWNER:
        raise NotFound
    return binding


def shown(binding: AccountBinding) -> schemas.AccountBinding:
    return schemas.AccountBinding(
        binding_id=binding.id,
        provider_id=binding.provider_id,
        account_number=binding.account_number,
        role=Role.OWNER,
        status=binding.status,
        refusal=binding.refusal,
        created_at=binding.created_at,
        activated_at=binding.activated_at,
        ended_at=binding.ended_at,
        rights=[*RIGHTS[Role(binding.role)]] if binding.status == BindingStatus.ACTIVE else [],
        prove_by=binding.prove_by,
        held_until=binding.held_until,
    )
