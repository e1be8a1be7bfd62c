from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from svc_miniapps.fields import LanguageTag
from svc_miniapps.packages.schemas import MAX_VERSION_CODE, Version

MOST_APPS = 200


class Change(StrEnum):
    UPDATED = "updated"
    """Another version is published than the one on the phone."""
    WITHDRAWN = "withdrawn"
    """Nothing of this app is published; the phone removes it or shows that it is gone."""
    MOVED = "moved"
    """It is published, but for another division than the phone's."""
    ENDING = "ending"
    """The phone has the published version, and the app's last day is announced."""
    REMOVED = "removed"
    """The app has ended for good; the phone removes it and offers the one to go on with."""


class Installed(BaseModel):
    """An app on a phone."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    app_id: UUID
    version_code: int = Field(ge=1, le=MAX_VERSION_CODE)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """Of the installed package; with it a delta can be offered."""


def _once_each(installed: Sequence[Installed]) -> Sequence[Installed]:
    if len({each.app_id for each in installed}) != len(installed):
        raise ValueError("must not name an app twice")
    return installed


class UpdateCheck(BaseModel):
    """What is on a phone, and for whom."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    division_code: DivisionCode
    platform_version: int = Field(ge=1, le=MAX_VERSION_CODE)
    """A version that needs a newer platform is not offered."""
    language: LanguageTag | None = Field(default=None, max_length=35)
    """Of the names in the answer."""
    installed: Annotated[list[Installed], AfterValidator(_once_each)] = Field(max_length=MOST_APPS)


class Delta(BaseModel):
    """A file that turns the installed package into the published one."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    url: str
    sha256: str
    """Of the file at `url`; what it makes has the package's."""
    size_bytes: int


class Update(BaseModel):
    """What has changed about one app; the fields of another change are null."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    app_id: UUID
    change: Change
    """Expect further ones within v1."""
    name: str | None = None
    division_code: str | None = None
    """Where the app is published."""
    version: Version | None = None
    """It may be an older one than the phone has."""
    sha256: str | None = None
    size_bytes: int | None = None
    signature: str | None = None
    """As the catalogue has it; it is of the package, also where a delta makes it."""
    package_url: str | None = None
    delta: Delta | None = None
    last_day: date | None = None
    """Of an app that ends or has ended."""
    redirect_app_id: UUID | None = None
    """The app to go on with, if there is one."""


class Updates(BaseModel):
    """The apps of a phone of which something has changed; none of the others."""

    items: list[Update]
