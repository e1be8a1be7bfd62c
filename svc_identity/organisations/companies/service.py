"""Companies that are connected as providers: each has an organisation, in which its people hold roles.

It is the organisation with the company's USCC. A company of several utilities has several providers and one
organisation.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.outbox import emit
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.organisations.companies.events import ProviderLinked
from svc_identity.organisations.companies.models import CompanyProvider
from svc_identity.organisations.models import CompanyKind, Organisation
from svc_identity.organisations.service import PREFECTURE

PROVIDER_LINKED = SecurityEvent("provider_linked")


@dataclass(frozen=True)
class Connected:
    """What svc_services says of a provider that it approved."""

    provider_id: UUID
    uscc: str
    name: str
    division_codes: list[str]


async def link(tx: AsyncSession, provider: Connected) -> None:
    """Make the organisation of a provider's company, or link the known one. Idempotent: a replay changes nothing."""
    new = {"uscc": provider.uscc, "name": provider.name, "kind": CompanyKind.PROVIDER, "division_code": _seat(provider)}
    await tx.execute(insert(Organisation).values(id=new_id(), **new).on_conflict_do_nothing())
    organisation_id = await tx.scalar(select(Organisation.id).where(Organisation.uscc == provider.uscc))
    row = {
        "provider_id": provider.provider_id,
        "organisation_id": organisation_id,
        "division_codes": provider.division_codes,
    }
    linked = insert(CompanyProvider).values(row).on_conflict_do_nothing().returning(CompanyProvider.provider_id)
    if organisation_id is None or await tx.scalar(linked) is None:
        return
    await emit(
        tx,
        ProviderLinked(organisation_id=organisation_id, provider_id=provider.provider_id, uscc=provider.uscc),
    )
    record_on_commit(tx, PROVIDER_LINKED, organisation_id=organisation_id, provider_id=provider.provider_id)


def _seat(provider: Connected) -> str:
    """Where the company is at home: the division that it serves, the prefecture where it serves several."""
    return provider.division_codes[0] if len(provider.division_codes) == 1 else PREFECTURE


async def is_company(tx: AsyncSession, organisation_id: UUID) -> bool:
    """Whether an organisation is that of a connected provider."""
    linked = select(CompanyProvider.provider_id).where(CompanyProvider.organisation_id == organisation_id)
    return await tx.scalar(linked.limit(1)) is not None


async def division_to_reach(tx: AsyncSession, organisation: Organisation) -> str:
    """Which division an operator reaches who decides about roles: one that has all in which its members act."""
    linked = select(CompanyProvider.division_codes).where(CompanyProvider.organisation_id == organisation.id)
    served = {code for codes in await tx.scalars(linked) for code in codes}
    return organisation.division_code if served <= {organisation.division_code} else PREFECTURE
