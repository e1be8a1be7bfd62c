"""Operators decide about applications: two connect a company, one refuses it."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.outbox import emit
from chassis.problems import NotFound, Problem, checked_move
from chassis.telemetry import SecurityEvent
from kit.etags import EditedMeanwhile, IfMatchMissing, etag_of, require_unchanged
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in
from svc_services.callers import OPERATOR
from svc_services.providers.applications import key_claims, schemas
from svc_services.providers.applications.events import ProviderApproved
from svc_services.providers.applications.models import TRANSITIONS, ApplicationStatus, Provider, ProviderApplication
from svc_services.providers.applications.service import application_of, shown
from svc_services.providers.conformance import endorsements
from svc_services.providers.key_sources import service as key_sources
from svc_services.providers.key_sources.provider import HttpKeySource, Keys, NotFetched
from svc_services.providers.organisations import service as organisations

CLIENT_APPROVED, APPLICATION_REFUSED = SecurityEvent("client_approved"), SecurityEvent("client_application_refused")
FIRST = 1
"""The revision of an application that was never corrected: there is no other that an operator could have read."""


class KeysNotFetched(Problem):
    """`jwks_uri` gave no set of good public keys."""

    status, code = 409, "keys_not_fetched"


@dataclass(frozen=True)
class Seen:
    """What an operator decides about: a revision, and the keys as the company publishes them now."""

    revision: int
    jwks_uri: str | None
    keys: Keys | None = None


async def seen(tx: AsyncSession, caller: Caller, application_id: UUID, if_match: str | None) -> Seen:
    """The revision that an operator has read; one that was corrected has to be named.

    Raises:
        NotFound, NotYourDivision, IfMatchMissing, EditedMeanwhile
    """
    application = await application_of(tx, caller, application_id)
    _require_named(application, if_match)
    return Seen(application.revision, application.jwks_uri)


async def with_keys(source: HttpKeySource, seen: Seen) -> Seen:
    """Fetch the keys that the company publishes; outside any transaction.

    Raises:
        KeysNotFetched
    """
    if seen.jwks_uri is None:
        return seen
    keys = await source.fetch(seen.jwks_uri)
    if isinstance(keys, NotFetched):
        raise KeysNotFetched
    return replace(seen, keys=keys)


async def endorse(tx: AsyncSession, caller: Caller, application_id: UUID, seen: Seen) -> schemas.ProviderApplication:
    """Give the first operator's word for a company whose sandbox has passed a run.

    Raises:
        NotFound, NotYourDivision, IllegalMove, EditedMeanwhile, ConformanceNotShown, SecondPersonNeeded
    """
    application = await _locked(tx, caller, application_id)
    checked_move(TRANSITIONS, ApplicationStatus(application.status), ApplicationStatus.APPROVED)
    _require_seen(application, seen)
    await endorsements.endorse(tx, caller, application)
    return shown(application)


async def approve(
    tx: AsyncSession, caller: Caller, application_id: UUID, seen: Seen, *, is_reviewed: bool
) -> schemas.ProviderApplication:
    """Connect the company; `is_reviewed` asks for a passed run and the word of another operator.

    Raises:
        NotFound, NotYourDivision, IllegalMove, EditedMeanwhile, ApplicationUnproved
        SecondPersonNeeded: the caller has a part in the application, or speaks for its organisation.
        ConformanceNotShown, NotEndorsed, SecondPersonNeeded: as `endorsements.require_endorsed`.
        KeyAlreadyUsed: one of its keys has been connected since it applied.
    """
    application = await _locked(tx, caller, application_id)
    application.decide(ApplicationStatus.APPROVED, caller.id)
    _require_seen(application, seen)
    await organisations.require_proved(tx, application)
    await endorsements.require_no_part(tx, caller, application)
    if is_reviewed:
        await endorsements.require_endorsed(tx, caller, application)
    if seen.keys is not None:
        application.jwks = {"keys": seen.keys}
    await _connect(tx, application)
    record_on_commit(tx, CLIENT_APPROVED, provider_id=application.id, decided_by=caller.id)
    return shown(application)


def _require_named(application: ProviderApplication, if_match: str | None) -> None:
    if application.revision > FIRST and (if_match is None or if_match.strip() == "*"):
        raise IfMatchMissing
    require_unchanged(if_match, etag_of(application.revision))


def _require_seen(application: ProviderApplication, seen: Seen) -> None:
    """Refuse to decide about what the applicant has corrected in between."""
    if application.revision != seen.revision:
        raise EditedMeanwhile


async def _connect(tx: AsyncSession, application: ProviderApplication) -> None:
    provider = Provider(
        id=application.id,
        uscc=application.uscc,
        name=application.name,
        kind=application.kind,
        division_codes=application.division_codes,
        jwks=application.jwks,
        endpoint_url=application.endpoint_url,
        customer_parameters=application.customer_parameters,
    )
    tx.add(provider)
    await tx.flush()
    await key_claims.claim(tx, provider.id, provider.jwks)
    await emit(
        tx,
        ProviderApproved(
            provider_id=provider.id,
            kind=provider.kind,
            name=provider.name,
            uscc=provider.uscc,
            division_codes=provider.division_codes,
            endpoint_url=provider.endpoint_url,
            jwks=provider.jwks,
            customer_parameters=provider.account_numbers,
            approved_by=application.decided_by,
            stated_terms=application.terms if application.stated_terms else None,
        ),
    )
    if application.jwks_uri:
        await key_sources.begin(tx, provider, application.jwks_uri)


async def refuse(
    tx: AsyncSession, caller: Caller, application_id: UUID, reason: str, if_match: str | None
) -> schemas.ProviderApplication:
    """Refuse the company, which may apply again.

    Raises:
        NotFound, NotYourDivision, IllegalMove, IfMatchMissing, EditedMeanwhile
        SecondPersonNeeded: the caller has a part in the application, or speaks for its organisation.
    """
    application = await _locked(tx, caller, application_id)
    checked_move(TRANSITIONS, ApplicationStatus(application.status), ApplicationStatus.REFUSED)
    _require_named(application, if_match)
    await endorsements.require_no_part(tx, caller, application)
    application.decide(ApplicationStatus.REFUSED, caller.id)
    application.refusal_reason = reason
    record_on_commit(tx, APPLICATION_REFUSED, application_id=application.id, decided_by=caller.id)
    return shown(application)


async def _locked(tx: AsyncSession, caller: Caller, application_id: UUID) -> ProviderApplication:
    """The locked application: of two operators the second sees the first one's decision."""
    application = await tx.get(ProviderApplication, application_id, with_for_update=True)
    if application is None:
        raise NotFound
    acting_in(caller, application.division_codes, OPERATOR)
    return application
