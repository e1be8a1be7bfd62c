"""That the object store still has, byte for byte, what was uploaded: asked before a release goes to residents."""

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from sqlalchemy import select

from chassis.db import Transactions
from chassis.problems import Problem
from chassis.telemetry import SecurityEvent
from svc_miniapps.packages import store
from svc_miniapps.packages.models import Package
from svc_miniapps.packages.statements import Signer
from svc_miniapps.packages.store import Store
from svc_miniapps.publishing.releases.models import Release

_ALTERED = SecurityEvent("package_altered")


class PackageAltered(Problem):
    """The stored package is not the one that was uploaded and reviewed."""

    status, code = 409, "package_altered"


class StoredPackages:
    """The stored packages of releases, and what signs them; a dependency of endpoints."""

    def __init__(self, transactions: Transactions, objects: Store, signer: Signer) -> None:
        self._transactions, self._objects, self.signer = transactions, objects, signer

    async def require_as_uploaded(self, release_id: UUID) -> None:
        """Refuse a release whose stored package differs from what was uploaded.

        Called before the transaction of the step begins, as the store is outside.

        Raises:
            PackageAltered
            TryLater: the store does not answer.
        """
        query = select(Package.object_key, Package.sha256).join(Release, Release.package_id == Package.id)
        async with self._transactions.read() as tx:
            found = (await tx.execute(query.where(Release.id == release_id))).one_or_none()
        if found is None:
            return  # the step says so
        digest = hashlib.sha256()
        async for chunk in await store.stream(self._objects, found.object_key):
            digest.update(chunk)
        if digest.hexdigest() != found.sha256:
            _ALTERED.record(release_id=release_id)
            raise PackageAltered


Stored = Annotated[StoredPackages, Depends()]
