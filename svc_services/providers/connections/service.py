"""Changing a provider's connection: by its company at once, by an operator with a second one.

Suspending and stopping a leaked key are urgent, so one operator does it alone.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.problems import NotFound
from chassis.telemetry import SecurityEvent
from kit.conformance.probe import Company, Prober
from kit.endpoint_urls import Endpoints
from kit.key_sets import public_key_set
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from svc_services.callers import OPERATOR, SECURITY_OFFICER
from svc_services.providers.applications.models import Provider, SuspendedBy
from svc_services.providers.applications.service import accepted_parameters, provider_of
from svc_services.providers.connections import effects, key_terms, proofs, queries, refusals, schemas
from svc_services.providers.connections.endpoint_probe import require_answering
from svc_services.providers.connections.models import Action, ChangeStatus, ProviderChange, UsedProof
from svc_services.providers.own_company.outsiders import require_outsider
from svc_services.reference.service import require_divisions

SUSPENDED, CHANGED = SecurityEvent("client_suspended"), SecurityEvent("client_changed")
PROPOSED, REJECTED = SecurityEvent("client_change_proposed"), SecurityEvent("client_change_rejected")


@dataclass(frozen=True)
class Wanted:
    """A change that has passed every check that needs no database."""

    action: Action
    details: dict[str, Any]
    reason: str


@dataclass(frozen=True)
class CompanyAdmin:
    """An admin of the provider's own company, which the caller has checked."""

    person_id: UUID


Party = Caller | proofs.CompanyProof
"""Who asks for a change: an operator, or the provider's company by its proof."""
_GUARDS = (OPERATOR, SECURITY_OFFICER)
_BY_ONE = (Action.SUSPEND, Action.STOP_KEY)
"""What one operator does alone, as it is urgent."""


async def checked(
    endpoints: Endpoints, prober: Prober, seen: schemas.Connection, new: schemas.NewProviderChange
) -> Wanted:
    """Check a change of this connection; outside any transaction, because an endpoint is resolved and called.

    Raises:
        PrivateKeySent, BadKeySet, KeyTermsRefused, EndpointUrlRefused, EndpointProbeFailed, BadCustomerParameters
    """
    details: dict[str, Any] = {}
    match new:
        case schemas.KeyAddition():
            details["key"] = public_key_set({"keys": [new.key]})["keys"][0] | key_terms.members(new)
        case schemas.KeyEnd():
            details["kid"] = new.kid
        case schemas.KeyLimit():
            details |= {"kid": new.kid, "valid_until": key_terms.seconds(new.valid_until)}
        case schemas.KeySource():
            details["jwks_uri"] = await endpoints.accepted(new.jwks_uri) if new.jwks_uri else None
        case schemas.EndpointCorrection():
            details["endpoint_url"] = await endpoints.accepted(new.endpoint_url)
            company = Company(seen.provider_id, details["endpoint_url"])
            await require_answering(prober, company, seen.customer_parameters.example)
        case schemas.CustomerParametersDeclaration():
            kept = accepted_parameters(new.customer_parameters)
            details["customer_parameters"] = kept.model_dump(mode="json")
        case schemas.DetailsCorrection():
            details = new.model_dump(mode="json", include=set(schemas.DETAILS), exclude_none=True)
            if new.division_codes:
                details["division_codes"] = sorted(set(new.division_codes))
    return Wanted(Action(new.action), details, new.reason)


async def connection_of(tx: AsyncSession, party: Party, provider_id: UUID) -> schemas.Connection:
    """A connection as its company or an operator sees it.

    Raises:
        NotFound, NotYourDivision
    """
    if isinstance(party, Caller):
        acting_in(party, (await provider_of(tx, provider_id)).division_codes, OPERATOR)
    return await queries.connection_of(tx, provider_id)


async def suspend(tx: AsyncSession, party: Party, provider_id: UUID, reason: str) -> schemas.ProviderChange:
    """Suspend a provider at once.

    Raises:
        NotFound, NotYourDivision, CompanyProofInvalid, AlreadySuspended
    """
    return await request(tx, party, provider_id, Wanted(Action.SUSPEND, {}, reason))


async def stop_key(
    tx: AsyncSession, caller: Caller, provider_id: UUID, stopped: schemas.KeyStop
) -> schemas.ProviderChange:
    """End a leaked key at once, as one operator or security officer.

    Raises:
        NotFound, NotYourDivision, UnknownKey, LastKey
    """
    return await request(tx, caller, provider_id, Wanted(Action.STOP_KEY, {"kid": stopped.kid}, stopped.reason))


async def request(
    tx: AsyncSession, party: Party | CompanyAdmin, provider_id: UUID, wanted: Wanted
) -> schemas.ProviderChange:
    """Carry out a change of the company, or propose one of an operator.

    Raises:
        NotFound, NotYourDivision, CompanyProofInvalid, SuspendedByOperator
        Problem: why it cannot be carried out, as `effects.carry_out` has it.
    """
    provider = await effects.locked(tx, provider_id)
    if isinstance(party, Caller):
        acting_in(party, provider.division_codes, *(_GUARDS if wanted.action == Action.STOP_KEY else (OPERATOR,)))
    change = ProviderChange(
        provider_id=provider_id,
        action=wanted.action,
        details=wanted.details,
        reason=wanted.reason,
        status=ChangeStatus.PROPOSED,
        provider_revision=provider.revision,
    )
    match party:
        case Caller():
            change.proposed_by = party.id
        case CompanyAdmin():
            _require_own_word(provider, wanted.action)
            change.admin_id = party.person_id
        case proofs.CompanyProof():
            await _require_company(tx, provider, party, wanted.action)
            change.company_key = party.key
    if wanted.action == Action.CORRECT_DETAILS:
        await require_divisions(tx, wanted.details.get("division_codes", []))
    elif change.proposed_by is None or wanted.action in _BY_ONE:
        await effects.carry_out(tx, provider, change)
        change.decide(ChangeStatus.APPROVED, None)
    tx.add(change)
    await tx.flush()
    record(tx, change)
    return queries.shown(change)


async def approve(tx: AsyncSession, caller: Caller, change_id: UUID) -> schemas.ProviderChange:
    """Approve another operator's proposal and carry it out; take up what the company asks for, as the first of two.

    Raises:
        NotFound, NotYourDivision, OwnCompany, AlreadyDecided, ProposalExpired
        SecondPersonNeeded, and the others of `require_second_holder`
        Problem: why it cannot be carried out any more, as `effects.carry_out` has it.
    """
    change = await _open(tx, change_id)
    provider = await effects.locked(tx, change.provider_id)
    within = sorted({*provider.division_codes, *change.details.get("division_codes", [])})
    acting = acting_in(caller, within, OPERATOR)
    await require_outsider(tx, caller, provider.id)
    if change.proposed_by is None:
        change.proposed_by = caller.id
        await tx.flush()
        record(tx, change)
        return queries.shown(change)
    await require_second_holder(tx, acting, change.proposed_by, since=change.proposed_at, within=within)
    await effects.carry_out(tx, provider, change)
    change.decide(ChangeStatus.APPROVED, caller.id)
    record(tx, change)
    return queries.shown(change)


async def reject(tx: AsyncSession, caller: Caller, change_id: UUID) -> schemas.ProviderChange:
    """Reject a proposal, or withdraw one's own.

    Raises:
        NotFound, NotYourDivision, OwnCompany, AlreadyDecided, ProposalExpired
    """
    change = await _open(tx, change_id)
    acting_in(caller, (await effects.locked(tx, change.provider_id)).division_codes, OPERATOR)
    await require_outsider(tx, caller, change.provider_id)
    change.decide(ChangeStatus.WITHDRAWN if caller.id == change.proposed_by else ChangeStatus.REJECTED, caller.id)
    record(tx, change)
    return queries.shown(change)


def record(tx: AsyncSession, change: ProviderChange) -> None:
    """Record who changed which connection in the security log."""
    done = SUSPENDED if change.action == Action.SUSPEND else CHANGED
    event = {ChangeStatus.APPROVED: done, ChangeStatus.PROPOSED: PROPOSED}.get(ChangeStatus(change.status), REJECTED)
    names = ("provider_id", "company_key", "admin_id", "proposed_by", "decided_by")
    about = {name: getattr(change, name) for name in names}
    record_on_commit(tx, event, change.action, provider_change_id=change.id, **about)


async def forget_used_proofs(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(delete(UsedProof).where(UsedProof.expires_at < now()))


async def _require_company(tx: AsyncSession, provider: Provider, proof: proofs.CompanyProof, action: Action) -> None:
    await proofs.consume(tx, proof)
    # The key may have been ended since the proof was verified.
    if proof.provider_id != provider.id or proof.key not in key_terms.thumbprints_in_force(provider):
        raise refusals.CompanyProofInvalid(reason="proof")
    _require_own_word(provider, action)


def _require_own_word(provider: Provider, action: Action) -> None:
    if provider.suspended_by == SuspendedBy.OPERATOR and action != Action.END_KEY:
        raise refusals.SuspendedByOperator


async def _open(tx: AsyncSession, change_id: UUID) -> ProviderChange:
    """A locked proposal that can still be decided."""
    change = await tx.get(ProviderChange, change_id, with_for_update=True)
    if change is None:
        raise NotFound
    if change.status != ChangeStatus.PROPOSED:
        raise refusals.AlreadyDecided(decision=change.status)
    if change.expires_at < now():
        raise refusals.ProposalExpired
    return change
