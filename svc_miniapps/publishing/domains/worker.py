"""Checks proofs: those that teams ask for within seconds, those of proven servers each day."""

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.http_client import outside_client
from kit.calendar import database_time
from kit.leases import claimable
from kit.public_addresses import RESOLVE_SECONDS
from svc_miniapps.publishing.clients.models import AppClient
from svc_miniapps.publishing.domains.models import AppDomain, ProofMethod
from svc_miniapps.publishing.domains.probe import SECONDS, Prober, Proof
from svc_miniapps.publishing.domains.service import apply_check

AT_ONCE = 20
_LEASE = timedelta(seconds=SECONDS + RESOLVE_SECONDS + 20)
Check = tuple[UUID, int, Proof]
"""The domain, the number of its check, and what is looked for."""


async def check_due(database: Database, *, with_loopback: bool) -> int:
    """Check the proofs that are due. Returns how many there were."""
    async with outside_client() as client:
        return await check_with(database, Prober(client, with_loopback))


async def check_with(database: Database, prober: Prober) -> int:
    """The same with this prober; the servers are called outside of transactions, at once."""
    async with database.transaction() as tx:
        checks = await _lease(tx)
    await asyncio.gather(*(_check(database, prober, *check) for check in checks))
    return len(checks)


async def _lease(tx: AsyncSession) -> list[Check]:
    moment = await database_time(tx)
    due = select(AppDomain).where(AppDomain.check_at <= moment)
    checks = []
    for domain in (await tx.scalars(claimable(due, AppDomain.check_at, limit=AT_ONCE, of=AppDomain))).all():
        domain.checks, domain.check_at, domain.checked_at = domain.checks + 1, moment + _LEASE, moment
        checks.append((domain.id, domain.checks, await _proof(tx, domain)))
    return checks


async def _proof(tx: AsyncSession, domain: AppDomain) -> Proof:
    client = await tx.get(AppClient, domain.app_id) if domain.method == ProofMethod.SIGNATURE else None
    jwks = client.jwks if client and client.suspended_at is None else None
    is_loopback, method = domain.test_port is not None, ProofMethod(domain.method)
    return Proof(domain.app_id, domain.host, domain.proof_url, is_loopback, domain.content, method, jwks)


async def _check(database: Database, prober: Prober, domain_id: UUID, check: int, proof: Proof) -> None:
    failure = await prober.probe(proof)
    async with database.transaction() as tx:
        await apply_check(tx, domain_id, check, failure)
