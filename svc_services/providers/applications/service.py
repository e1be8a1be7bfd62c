"""Onboarding: a company applies, an operator decides, and the company's systems may connect."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, new_id, now
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.endpoint_urls import Endpoints
from kit.fields.customer_parameters import CustomerParameters, declared
from kit.fields.uscc import uscc_fault
from kit.key_sets import public_key_set
from kit.staff.reach import acting_in
from svc_services.callers import OPERATOR
from svc_services.providers.applications import key_claims, schemas
from svc_services.providers.applications.models import ApplicationStatus, Closure, Provider, ProviderApplication
from svc_services.providers.applications.provider import LegalEntityRegistry, Standing
from svc_services.providers.organisations import service as organisations
from svc_services.reference.service import require_divisions

TOKEN_INVALID = SecurityEvent("token_invalid")
NO_KEYS: dict[str, list[dict[str, str]]] = {"keys": []}
"""Of a company that publishes its keys, until they are fetched."""


class BadUscc(Problem):
    """`reason`: shape, check_character."""

    status, code = 422, "bad_uscc"


class BadCustomerParameters(Problem):
    """`reason`: label, pattern, length, check_rule, example."""

    status, code = 422, "bad_customer_parameters"


class NoSuchLegalEntity(Problem):
    status, code = 422, "legal_entity_not_on_record"


class LegalEntityRevoked(Problem):
    status, code = 422, "legal_entity_revoked"


class ApplicationExists(Problem):
    """One company has one application, or one connection, for one kind of utility."""

    status, code = 409, "application_exists"


@dataclass(frozen=True)
class Checked:
    """An application that has passed every check that needs no database."""

    uscc: str
    jwks: dict[str, list[dict[str, str]]]
    jwks_uri: str | None
    endpoint_url: str
    customer_parameters: CustomerParameters


def normalised_uscc(written: str) -> str:
    """A unified social credit code in upper case and without spaces.

    Raises:
        BadUscc: it is none.
    """
    uscc = "".join(written.split()).upper()
    if fault := uscc_fault(uscc):
        raise BadUscc(reason=fault)
    return uscc


def accepted_parameters(written: CustomerParameters) -> CustomerParameters:
    """A declaration of account numbers as it is kept.

    Raises:
        BadCustomerParameters
    """
    kept = declared(written)
    if not isinstance(kept, CustomerParameters):
        raise BadCustomerParameters(reason=kept)
    return kept


async def checked(registry: LegalEntityRegistry, endpoints: Endpoints, new: schemas.NewProviderApplication) -> Checked:
    """Check an application against its standards and the legal-entity registry; outside any transaction."""
    uscc = normalised_uscc(new.uscc)
    jwks = NO_KEYS if new.jwks is None else public_key_set(new.jwks)
    parameters = accepted_parameters(new.customer_parameters)
    endpoint_url = await endpoints.accepted(new.endpoint_url)
    jwks_uri = await endpoints.accepted(new.jwks_uri) if new.jwks_uri else None
    standing = await registry.standing_of(uscc)
    if standing is Standing.NO_RECORD:
        raise NoSuchLegalEntity
    if standing is Standing.REVOKED:
        raise LegalEntityRevoked
    return Checked(uscc, jwks, jwks_uri, endpoint_url, parameters)


async def apply(
    tx: AsyncSession, applicant: Caller | None, new: schemas.NewProviderApplication, facts: Checked
) -> schemas.FiledProviderApplication:
    """File an application. Returns it with the token that reads it.

    Raises:
        UnknownDivision, KeyAlreadyUsed, ApplicationExists
        OrganisationClaimedByOther, NotForOrganisation, BeyondMandate: as `organisations.require_speaker`.
    """
    division_codes = sorted(set(new.division_codes))
    await require_divisions(tx, division_codes)
    proved_by = await organisations.require_speaker(tx, applicant, facts.uscc, division_codes)
    if proved_by:
        await organisations.displace_unproved(tx, facts.uscc, new.kind)
    await key_claims.require_unclaimed(tx, facts.jwks)
    token = secrets.token_urlsafe(32)
    application = await tx.scalar(
        insert(ProviderApplication)
        .values(
            id=new_id(),
            uscc=facts.uscc,
            name=new.name,
            kind=new.kind,
            division_codes=division_codes,
            jwks=facts.jwks,
            jwks_uri=facts.jwks_uri,
            endpoint_url=facts.endpoint_url,
            **new.model_dump(mode="json", include={"contract", "requests_per_minute", "stated_terms"}),
            customer_parameters=facts.customer_parameters.model_dump(mode="json"),
            contact_phone=new.contact_phone,
            token_hash=_hash(token),
            proved_by=proved_by,
        )
        # The index of live applications decides between two companies' clerks who apply at once.
        .on_conflict_do_nothing()
        .returning(ProviderApplication)
    )
    if application is None:
        raise ApplicationExists
    return schemas.FiledProviderApplication(**dict(shown(application)), application_token=token)


async def application_read_with(tx: AsyncSession, application_id: UUID, token: str) -> ProviderApplication:
    """The application a token was given for; a wrong token does not reveal whether the application exists."""
    application = await tx.get(ProviderApplication, application_id)
    if application is None or not hmac.compare_digest(application.token_hash, _hash(token)):
        TOKEN_INVALID.record("application_token_wrong", application_id=application_id)
        raise NotFound
    return application


async def application_of(tx: AsyncSession, caller: Caller, application_id: UUID) -> ProviderApplication:
    """The application as an operator sees it.

    Raises:
        NotFound, NotYourDivision
    """
    application = await tx.get(ProviderApplication, application_id)
    if application is None:
        raise NotFound
    acting_in(caller, application.division_codes, OPERATOR)
    return application


async def expire_unproved(database: Database, days: int) -> None:
    """Close applications that nobody proved or decided in time, so that they stand in nobody's way."""
    stale = (
        ProviderApplication.status == ApplicationStatus.APPLIED,
        ProviderApplication.proved_by.is_(None),
        ProviderApplication.created_at < now() - timedelta(days=days),
    )
    async with database.transaction() as tx:
        await tx.execute(
            update(ProviderApplication).where(*stale).values(status=ApplicationStatus.REFUSED, closure=Closure.EXPIRED)
        )


async def provider_of(tx: AsyncSession, provider_id: UUID) -> Provider:
    provider = await tx.get(Provider, provider_id)
    if provider is None:
        raise NotFound
    return provider


def _hash(token: str) -> bytes:
    # A token of 256 random bits needs no slow hash.
    return hashlib.sha256(token.encode()).digest()


def shown(application: ProviderApplication) -> schemas.ProviderApplication:
    approved = application.status == ApplicationStatus.APPROVED
    return schemas.ProviderApplication(
        application_id=application.id,
        status=application.status,
        uscc=application.uscc,
        name=application.name,
        kind=application.kind,
        division_codes=application.division_codes,
        revision=application.revision,
        jwks=application.jwks,
        jwks_uri=application.jwks_uri,
        endpoint_url=application.endpoint_url,
        contact_phone=application.contact_phone,
        customer_parameters=CustomerParameters.model_validate(application.customer_parameters),
        contract=application.contract and schemas.Contract.model_validate(application.contract),
        requests_per_minute=application.requests_per_minute,
        stated_terms=application.terms if application.stated_terms else None,
        refusal_reason=application.refusal_reason,
        closure=application.closure,
        decided_by=application.decided_by,
        decided_at=application.decided_at,
        proved=application.proved_by is not None,
        provider_id=application.id if approved else None,
        created_at=application.created_at,
    )


def shown_provider(provider: Provider) -> schemas.Provider:
    return schemas.Provider(
        provider_id=provider.id,
        name=provider.name,
        uscc=provider.uscc,
        kind=provider.kind,
        division_codes=provider.division_codes,
        suspended=provider.suspended_at is not None,
        customer_parameters=provider.account_numbers,
    )
