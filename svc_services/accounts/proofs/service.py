"""Owners prove anew that an account is theirs: by age, or because the provider asks for it.

The provider is queried between two transactions, as for a new binding. Its "no" ends nothing at once: a name may have
been mistyped at the company, and until the last day there is time to have it put right.
"""

import calendar
from datetime import date, datetime, timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database, new_id, now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import database_time, today_of
from kit.leases import claimable
from kit.security_log import record_on_commit
from svc_services.accounts.bindings.attestations import Attestation
from svc_services.accounts.bindings.ends import end_members, tell_ended
from svc_services.accounts.bindings.events import AccountBindingProofDue
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus, Role
from svc_services.accounts.bindings.provider import Outcome, Question
from svc_services.accounts.bindings.service import (
    AccountNotFound,
    BadAccountNumber,
    HolderDoesNotMatch,
    ProviderSuspended,
    consume,
)
from svc_services.accounts.invitations.service import owned
from svc_services.accounts.proofs import schemas
from svc_services.base import lock
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.queries import locked_caller

PROVED = SecurityEvent("account_proved_anew")
NOT_PROVED = SecurityEvent("account_proof_refused")
GRACE = timedelta(days=30)
_PAUSE = timedelta(minutes=1)
_AT_ONCE = 200


class ProofMomentsAgo(Problem):
    """One query of the provider in a minute, for each account."""

    status, code = 429, "proof_moments_ago"

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(max(1, ceil(wait)))}


class ProofUnanswered(Problem):
    """Not a 503 with Retry-After: the attestation is used up, so the same request cannot be sent again."""

    status, code = 502, "proof_unanswered"


async def begin(tx: AsyncSession, person_id: UUID, binding_id: UUID, attestation: Attestation) -> Question:
    """First transaction: use the attestation. Returns the query for the provider.

    Raises:
        NotFound, NotTheOwner, ProviderSuspended, ProofMomentsAgo, AttestationAlreadyUsed
    """
    binding = await owned(tx, person_id, binding_id)
    provider = await tx.get_one(Provider, binding.provider_id)
    if provider.suspended_at is not None:
        raise ProviderSuspended
    if (left := binding.asked_at + _PAUSE - now()) > timedelta():
        raise ProofMomentsAgo(left.total_seconds())
    await consume(tx, attestation)
    binding.asked_at = now()
    return Question(
        request_id=new_id(),
        binding_id=binding.id,
        provider_id=provider.id,
        endpoint_url=provider.endpoint_url,
        account_number=binding.account_number,
        holder_name=attestation.name,
        asked_on=binding.asked_at.astimezone(CHINA).date(),
    )


async def settle(tx: AsyncSession, question: Question, outcome: Outcome) -> Problem | None:
    """Second transaction: apply the provider's answer. Returns the refusal, if any, to raise after the commit.

    Raises:
        NotFound: the binding has ended since.
    """
    await lock(tx, "owner of", question.provider_id, question.account_number)
    binding = await tx.get_one(AccountBinding, question.binding_id, with_for_update=True)
    if binding.status != BindingStatus.ACTIVE:
        raise NotFound
    about = {"binding_id": binding.id, "provider_id": binding.provider_id, "person_id": binding.person_id}
    if outcome is Outcome.NO_ANSWER:
        return ProofUnanswered()
    if outcome is not Outcome.MATCH:
        record_on_commit(tx, NOT_PROVED, outcome, **about)
        return HolderDoesNotMatch() if outcome is Outcome.NO_MATCH else AccountNotFound()
    binding.proved_at, binding.prove_by = now(), None
    record_on_commit(tx, PROVED, "by_provider", **about)
    return None


async def ask(tx: AsyncSession, provider_id: UUID, account_number: str) -> schemas.AccountProofRequest:
    """The provider asks for a proof. Whether anybody has bound the account is not said.

    Raises:
        NotAllowed, ClientSuspended, BadAccountNumber
    """
    provider = await locked_caller(tx, provider_id, read=True)
    if fault := provider.account_numbers.fault(account_number):
        raise BadAccountNumber(provider.account_numbers, reason=fault)
    prove_by = await today_of(tx) + GRACE
    of_owner = select(AccountBinding).where(
        AccountBinding.provider_id == provider_id,
        AccountBinding.account_number == account_number,
        AccountBinding.status == BindingStatus.ACTIVE,
        AccountBinding.role == Role.OWNER,
    )
    binding = await tx.scalar(of_owner.with_for_update())
    if binding is not None and binding.prove_by is None:
        await _set_due(tx, binding, prove_by, "provider")
    return schemas.AccountProofRequest(account_number=account_number, prove_by=prove_by)


async def ask_by_age(database: Database, months: int) -> None:
    """Ask the owners whose proof is older than this many months; 0 asks nobody."""
    more, proved = months > 0, func.coalesce(AccountBinding.proved_at, AccountBinding.activated_at)
    while more:
        async with database.transaction() as tx:
            moment = await database_time(tx)
            old = select(AccountBinding).where(
                AccountBinding.status == BindingStatus.ACTIVE,
                AccountBinding.role == Role.OWNER,
                AccountBinding.prove_by.is_(None),
                proved < _months_before(moment, months),
            )
            found = (await tx.scalars(claimable(old, AccountBinding.id, limit=_AT_ONCE))).all()
            for binding in found:
                await _set_due(tx, binding, moment.astimezone(CHINA).date() + GRACE, "age")
            more = len(found) == _AT_ONCE


async def end_unproved(database: Database) -> None:
    """End the bindings whose owner was not verified in time, one in a transaction."""
    while True:
        async with database.transaction() as tx:
            over = (
                select(AccountBinding)
                .join(Provider, Provider.id == AccountBinding.provider_id)
                .where(
                    AccountBinding.status == BindingStatus.ACTIVE,
                    AccountBinding.prove_by < await today_of(tx),
                    # Nobody is verified while the provider is suspended.
                    Provider.suspended_at.is_(None),
                )
            )
            order = (AccountBinding.prove_by, AccountBinding.id)
            binding = await tx.scalar(claimable(over, *order, limit=1, of=AccountBinding))
            if binding is None:
                return
            binding.end()
            await tell_ended(tx, binding, "not_proved")
            await end_members(tx, binding)


async def _set_due(tx: AsyncSession, binding: AccountBinding, prove_by: date, reason: str) -> None:
    binding.prove_by = prove_by
    names = ("person_id", "provider_id", "prove_by")
    fields = {name: getattr(binding, name) for name in names}
    await emit(tx, AccountBindingProofDue(binding_id=binding.id, reason=reason, **fields))


def _months_before(moment: datetime, months: int) -> datetime:
    year, index = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    last = calendar.monthrange(year, index + 1)[1]
    return moment.replace(year=year, month=index + 1, day=min(moment.day, last))
