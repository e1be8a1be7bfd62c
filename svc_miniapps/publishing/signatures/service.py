"""Signing what was approved, byte for byte: at approval, and again by the worker once another key signs."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from chassis.db import Database, now
from chassis.telemetry import log
from svc_miniapps.packages.models import Package
from svc_miniapps.packages.statements import PackageSigner, Statement
from svc_miniapps.publishing.releases.models import Release
from svc_miniapps.publishing.reviews.models import Outcome, Review
from svc_miniapps.publishing.signatures.models import PackageSignature

AT_ONCE = 100
"""Packages in one transaction."""
BATCHES = 10
"""In one run of the schedule."""


async def sign_approved(tx: AsyncSession, signer: PackageSigner, package: Package, approved_at: datetime) -> None:
    """Sign a package in the transaction of its approval."""
    row = insert(PackageSignature).values(_row(signer, package, approved_at))
    await tx.execute(row.on_conflict_do_update(index_elements=[PackageSignature.package_id], set_=dict(row.excluded)))


async def sign_missing(database: Database, signer: PackageSigner) -> int:
    """Sign approved packages that the key of this moment has not signed. Returns how many, of a bounded number."""
    signed = 0
    for _ in range(BATCHES):
        async with database.transaction() as tx:
            batch = (await tx.execute(_unsigned(signer.kid))).all()
            for package, decided_at in batch:
                row = insert(PackageSignature).values(_row(signer, package, decided_at))
                # Another worker, or the approval of a later submission, may have been quicker with this key.
                other_key = PackageSignature.kid != row.excluded.kid
                same = [PackageSignature.package_id]
                await tx.execute(
                    row.on_conflict_do_update(index_elements=same, set_=dict(row.excluded), where=other_key)
                )
        signed += len(batch)
        if len(batch) < AT_ONCE:
            break
    if signed:
        log.info("packages_signed", count=signed, kid=signer.kid)
    return signed


async def signatures_of(tx: AsyncSession, package_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The signatures of those among these packages that have one."""
    query = select(PackageSignature.package_id, PackageSignature.jws)
    rows = await tx.execute(query.where(PackageSignature.package_id.in_(package_ids)))
    return {row.package_id: row.jws for row in rows}


def _row(signer: PackageSigner, package: Package, approved_at: datetime) -> dict[str, object]:
    statement = Statement(package.app_id, package.version_code, package.sha256, package.size_bytes, approved_at)
    signed = signer.sign(statement)
    return {"package_id": package.id, "kid": signed.kid, "jws": signed.jws, "signed_at": now()}


def _unsigned(kid: str) -> Select[Package, datetime]:
    """Packages with the time of their last approval, the newest first: residents have those."""
    approved = and_(Review.outcome == Outcome.APPROVED, Review.approved_sha256 == Package.sha256)
    return (
        select(Package, cast("InstrumentedAttribute[datetime]", Review.decided_at))  # set with the outcome
        .join(Release, Release.package_id == Package.id)
        .join(Review, and_(Review.release_id == Release.id, approved))
        .outerjoin(PackageSignature, PackageSignature.package_id == Package.id)
        .where(PackageSignature.kid.is_distinct_from(kid))
        .ext(distinct_on(Package.id))
        .order_by(Package.id.desc(), Review.decided_at.desc())
        .limit(AT_ONCE)
    )
