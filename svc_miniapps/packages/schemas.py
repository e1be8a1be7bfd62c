from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel

from svc_miniapps.packages.models import Package as PackageRow

MAX_VERSION_CODE = 2**31 - 1
VersionCode = Annotated[int, Path(ge=1, le=MAX_VERSION_CODE, description="`version.code` of the manifest.")]


class Version(BaseModel):
    code: int
    name: str

    @classmethod
    def of(cls, package: PackageRow) -> "Version":
        return cls(code=package.version_code, name=package.version_name)


class Package(BaseModel):
    package_id: UUID
    app_id: UUID
    release_id: UUID
    """The draft that this upload opened."""
    version: Version
    sha256: str
    size_bytes: int
    created_at: datetime

    @classmethod
    def of(cls, package: PackageRow, release_id: UUID) -> "Package":
        return cls(
            package_id=package.id,
            app_id=package.app_id,
            release_id=release_id,
            version=Version.of(package),
            sha256=package.sha256,
            size_bytes=package.size_bytes,
            created_at=package.created_at,
        )
