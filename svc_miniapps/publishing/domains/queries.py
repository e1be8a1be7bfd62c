"""The allow-list of an app, for what asks it: uploads, submissions and reviews."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from svc_miniapps.packages.checks.judge import entry_for
from svc_miniapps.publishing.domains.models import AppDomain, DomainStatus, PackageDomains
from svc_miniapps.publishing.domains.schemas import RegisteredDomain


class DomainsNotProven(Problem):
    """The package names servers that have left the allow-list since it was uploaded."""

    status, code = 409, "domains_not_proven"


async def allowed_hosts(tx: AsyncSession, app_id: UUID) -> frozenset[str]:
    """The hosts that the app's packages may name, wildcards among them."""
    proven = AppDomain.app_id == app_id, AppDomain.status == DomainStatus.PROVEN
    return frozenset(await tx.scalars(select(AppDomain.host).where(*proven)))


async def keep_domains(tx: AsyncSession, package_id: UUID, hosts: Collection[str]) -> None:
    """Keep which entries of the allow-list a new package uses."""
    tx.add(PackageDomains(package_id=package_id, hosts=sorted(hosts)))
    await tx.flush()


async def require_allowed(tx: AsyncSession, app_id: UUID, package_id: UUID) -> None:
    """Refuse a package that uses a server which has left the allow-list.

    Raises:
        DomainsNotProven
    """
    used = await tx.scalar(select(PackageDomains.hosts).where(PackageDomains.package_id == package_id))
    allowed = await allowed_hosts(tx, app_id)
    # Packages from before allow-lists have no entry: their servers were reviewed in the difference.
    if lost := [host for host in used or () if entry_for(host, allowed) is None]:
        raise DomainsNotProven(domains=lost)


async def registered_domains(tx: AsyncSession, app_id: UUID) -> list[RegisteredDomain]:
    """The servers of an app, for its reviewers."""
    kept = AppDomain.app_id == app_id, AppDomain.status != DomainStatus.REMOVED
    rows: Sequence[AppDomain] = (await tx.scalars(select(AppDomain).where(*kept).order_by(AppDomain.host))).all()
    return [RegisteredDomain.model_validate(row) for row in rows]
