"""What a change does to a locked provider; each raises the revision and emits the connection as it is then."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound
from kit.key_sets import MOST_KEYS, kids_by_thumbprint
from kit.key_terms import in_force
from svc_services.providers.applications.key_claims import KeyAlreadyUsed, claim
from svc_services.providers.applications.models import Provider, ProviderApplication, SuspendedBy
from svc_services.providers.connections import key_terms, refusals
from svc_services.providers.connections.events import ProviderEvent, ProviderResumed, ProviderSuspended, ProviderUpdated
from svc_services.providers.connections.models import Action, ChangeStatus, EndedKey, ProviderChange
from svc_services.providers.key_sources.models import KeyFetch, KeySource

_OF_CONNECTION = ("name", "division_codes")
_REPORTED_FOR = timedelta(days=1)
"""Much longer than an access token lives."""


async def locked(tx: AsyncSession, provider_id: UUID) -> Provider:
    """A provider for changing, as the last one who changed it left it."""
    provider = await tx.get(Provider, provider_id, with_for_update={"key_share": True}, populate_existing=True)
    if provider is None:
        raise NotFound
    return provider


def thumbprints(provider: Provider) -> dict[str, str]:
    """The kids of the keys that have not been ended, by thumbprint."""
    return kids_by_thumbprint(provider.jwks)


async def carry_out(tx: AsyncSession, provider: Provider, change: ProviderChange) -> None:
    """Do what a change says.

    Raises:
        AlreadySuspended, NotSuspended, SuspensionChanged, ProposalOutdated, UnknownKey, LastKey, KeyAlreadyUsed
        TooManyKeys, KeyTermsRefused
    """
    event: type[ProviderEvent] = ProviderUpdated
    match change.action:
        case Action.SUSPEND:
            _suspend(provider, change)
            event = ProviderSuspended
        case Action.RESUME:
            _resume(provider, change)
            event = ProviderResumed
        case Action.ADD_KEY:
            await _add_key(tx, provider, change.details["key"])
        case Action.END_KEY | Action.STOP_KEY:
            _end_other_key(tx, provider, change.details["kid"])
        case Action.LIMIT_KEY:
            key_terms.limit(provider, change.details["kid"], change.details["valid_until"])
        case Action.FETCH_KEYS:
            await _require_latest(tx, change)
            await follow_source(tx, provider, change.details["jwks_uri"])
        case Action.CORRECT_ENDPOINT:
            await _require_latest(tx, change)
            provider.endpoint_url = change.details["endpoint_url"]
        case Action.DECLARE_CUSTOMER_PARAMETERS:
            await _require_latest(tx, change)
            provider.customer_parameters = change.details["customer_parameters"]
        case Action.CORRECT_DETAILS:
            await _require_latest(tx, change)
            await _correct_details(tx, provider, change.details)
    await publish(tx, provider, event)


async def _correct_details(tx: AsyncSession, provider: Provider, details: dict[str, Any]) -> None:
    application = await tx.get_one(ProviderApplication, provider.id, with_for_update=True, populate_existing=True)
    for name, value in details.items():
        setattr(provider if name in _OF_CONNECTION else application, name, value)


async def publish(tx: AsyncSession, provider: Provider, event: type[ProviderEvent] = ProviderUpdated) -> None:
    """Raise the revision and emit the connection as it is now."""
    provider.revision += 1
    await tx.flush()
    await emit(tx, await _event_of(tx, provider, event))


def _suspend(provider: Provider, change: ProviderChange) -> None:
    by = SuspendedBy.OPERATOR if change.proposed_by else SuspendedBy.COMPANY
    # An operator's suspension takes the place of the company's own, which the company could lift.
    if provider.suspended_at and not (by == SuspendedBy.OPERATOR and provider.suspended_by == SuspendedBy.COMPANY):
        raise refusals.AlreadySuspended
    provider.suspended_at = provider.suspended_at or now()
    provider.suspended_by, provider.suspension_reason = by, change.reason
    provider.suspended_revision = provider.revision + 1


def _resume(provider: Provider, change: ProviderChange) -> None:
    if provider.suspended_at is None:
        raise refusals.NotSuspended
    if change.provider_revision < (provider.suspended_revision or 0):
        raise refusals.SuspensionChanged
    provider.suspended_at = provider.suspended_by = provider.suspension_reason = provider.suspended_revision = None


async def _require_latest(tx: AsyncSession, change: ProviderChange) -> None:
    """Refuse a proposal made before the last change of its kind: it would undo what its proposer did not know."""
    if change.proposed_by is None:
        return
    later = select(ProviderChange.id).where(
        ProviderChange.provider_id == change.provider_id,
        ProviderChange.action == change.action,
        ProviderChange.status == ChangeStatus.APPROVED,
        ProviderChange.decided_at > change.proposed_at,
    )
    if await tx.scalar(later.limit(1)):
        raise refusals.ProposalOutdated


async def _add_key(tx: AsyncSession, provider: Provider, key: dict[str, Any]) -> None:
    if key["kid"] in {*thumbprints(provider).values(), *await ended_kids(tx, provider.id)}:
        raise KeyAlreadyUsed(kid=key["kid"])
    key_terms.require_future_end(key)
    if len(provider.jwks["keys"]) >= MOST_KEYS:
        raise refusals.TooManyKeys(most=MOST_KEYS)
    await claim(tx, provider.id, {"keys": [key]})
    provider.jwks = {"keys": [*provider.jwks["keys"], key]}


async def ended_kids(tx: AsyncSession, provider_id: UUID) -> set[str]:
    return set(await tx.scalars(select(EndedKey.kid).where(EndedKey.provider_id == provider_id)))


async def follow_source(tx: AsyncSession, provider: Provider, jwks_uri: str | None) -> None:
    """Fetch a company's keys from there as soon as the worker runs; no longer, where it is None."""
    values = {"provider_id": provider.id, "jwks_uri": jwks_uri}
    source = insert(KeySource).values(values)
    await tx.execute(source.on_conflict_do_update(index_elements=["provider_id"], set_={"jwks_uri": jwks_uri}))
    fetch = insert(KeyFetch).values(provider_id=provider.id, tries=0)
    at_once = {"try_at": func.now(), "failures": 0, "tries": KeyFetch.tries + 1}
    await tx.execute(fetch.on_conflict_do_update(index_elements=["provider_id"], set_=at_once))


def _end_other_key(tx: AsyncSession, provider: Provider, kid: str) -> None:
    if kid not in thumbprints(provider).values():
        raise refusals.UnknownKey(kid=kid)
    end_key(tx, provider, kid)


def end_key(tx: AsyncSession, provider: Provider, kid: str) -> None:
    """End a key for ever.

    Raises:
        LastKey
    """
    ended = {thumbprint: each for thumbprint, each in thumbprints(provider).items() if each == kid}
    left = {"keys": [key for key in provider.jwks["keys"] if key["kid"] != kid]}
    if not in_force(left, now())["keys"]:
        raise refusals.LastKey
    provider.jwks = left
    tx.add_all(EndedKey(provider_id=provider.id, thumbprint=each, kid=kid) for each in ended)


async def _event_of(tx: AsyncSession, provider: Provider, event: type[ProviderEvent]) -> ProviderEvent:
    lately = select(EndedKey.thumbprint).where(
        EndedKey.provider_id == provider.id, EndedKey.ended_at > now() - _REPORTED_FOR
    )
    names = ("revision", "kind", "name", "uscc", "division_codes", "endpoint_url", "jwks", "suspended_at")
    return event(
        provider_id=provider.id,
        ended_keys=sorted(await tx.scalars(lately)),
        jwks_uri=await tx.scalar(select(KeySource.jwks_uri).where(KeySource.provider_id == provider.id)),
        customer_parameters=provider.account_numbers,
        **{name: getattr(provider, name) for name in names},
    )
