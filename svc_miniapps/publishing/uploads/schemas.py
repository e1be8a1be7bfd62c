from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_miniapps.packages.checks.archive import MAX_PACKAGE_BYTES
from svc_miniapps.packages.schemas import MAX_VERSION_CODE, Package
from svc_miniapps.publishing.uploads.models import UploadStatus
from svc_miniapps.targets import Targets


class NewPackageUpload(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version_code: Annotated[int, Field(ge=1, le=MAX_VERSION_CODE, strict=True)]
    """`version.code` of the manifest."""
    length: Annotated[int, Field(ge=1, le=MAX_PACKAGE_BYTES, strict=True)]
    """Bytes of the whole file."""
    targets: Targets = []
    """Further platforms that it is built for; those that the app is registered for are checked in any case."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """Of the whole file, checked when it is complete."""


class PackageUpload(BaseModel):
    upload_id: UUID
    app_id: UUID
    version_code: int
    status: UploadStatus
    received_bytes: int
    """Where the next request goes on."""
    length: int
    package: Package | None
    """What came of an accepted upload."""
    created_at: datetime
