"""Warns before a provider's key ends by itself, and names who can add the next one."""

from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Select, Text, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.outbox import emit
from svc_services.providers.applications.models import Provider, SuspendedBy
from svc_services.providers.connections.key_terms import thumbprints_in_force
from svc_services.providers.connections.queries import shown_keys
from svc_services.providers.key_expiry.events import ProviderKeyExpiring
from svc_services.providers.key_expiry.models import KeyWarning
from svc_services.providers.key_expiry.schemas import ExpiringKeys, ToAct

WARNINGS = (1, 7, 30)
"""Days before the end of a key at which an event says so."""
_ENDING = "$.keys[*] ? (@.exp <= $end)"


async def warn(database: Database) -> None:
    """Emit an event for each key that ends within the next warning's time; one that ends sooner gets only the last."""
    async with database.transaction() as tx:
        for provider in await tx.scalars(with_keys_ending(now() + timedelta(days=WARNINGS[-1]))):
            await _warn_of(tx, provider)


def with_keys_ending(end: datetime) -> Select[Provider]:
    """Providers with a key that ends until then, or has ended by itself."""
    until = func.jsonb_build_object("end", int(end.timestamp()))
    return select(Provider).where(func.jsonb_path_exists(Provider.jwks, cast(_ENDING, JSONPATH), cast(until, JSONB)))


def expiring_keys(provider: Provider, end: datetime) -> ExpiringKeys:
    keys = [(key.valid_until, key) for key in shown_keys(provider) if key.valid_until and key.valid_until <= end]
    keys.sort(key=lambda pair: pair[0])
    return ExpiringKeys(
        provider_id=provider.id, name=provider.name, to_act=_to_act(provider), keys=[key for _, key in keys]
    )


def _to_act(provider: Provider) -> ToAct:
    is_able = provider.suspended_by != SuspendedBy.OPERATOR and thumbprints_in_force(provider)
    return ToAct.COMPANY if is_able else ToAct.OPERATORS


async def _warn_of(tx: AsyncSession, provider: Provider) -> None:
    for key in shown_keys(provider):
        left = ceil((key.valid_until - now()) / timedelta(days=1)) if key.valid_until else 0
        days = next((days for days in WARNINGS if 0 < left <= days), None)
        if days is None:
            continue
        row = {"thumbprint": key.thumbprint, "valid_until": key.valid_until, "days_before": days}
        first = insert(KeyWarning).values(row).on_conflict_do_nothing().returning(cast(KeyWarning.thumbprint, Text))
        if await tx.scalar(first):
            names = ("kid", "thumbprint", "valid_until")
            about = {name: getattr(key, name) for name in names}
            await emit(tx, ProviderKeyExpiring(provider_id=provider.id, to_act=_to_act(provider), **about))
