from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_miniapps.packages.schemas import Version
from svc_miniapps.publishing.testers import models


class Tester(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    person_id: UUID
    named_at: datetime


class NewTrial(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    person_id: UUID
    """One of the app's testers."""


class Trial(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    trial_id: UUID
    release_id: UUID
    person_id: UUID
    token: str
    """Opens this version for this person alone. A new trial of the same person replaces it."""
    link: str
    qr_svg: str
    """The link as a QR code."""
    ends_at: datetime


class TrialToken(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(min_length=43, max_length=43, pattern="^[A-Za-z0-9_-]{43}$")]


class OpenedTrial(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    trial_id: UUID
    app_id: UUID
    name: str
    version: Version
    sha256: str
    size_bytes: int
    package_url: str
    """Path of the download at this address, for this person."""
    ends_at: datetime

    @classmethod
    def of(cls, trial: models.Trial) -> "OpenedTrial":
        release = trial.release
        return cls(
            trial_id=trial.id,
            app_id=release.app_id,
            name=release.app.name,
            version=Version.of(release.package),
            sha256=release.package.sha256,
            size_bytes=release.package.size_bytes,
            package_url=f"/miniapps/v1/trials/{trial.id}/package",
            ends_at=trial.ends_at,
        )
