from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_miniapps.packages.schemas import Version


class Obstacle(StrEnum):
    OTHER_DIVISION = "other_division"
    PLATFORM_TOO_OLD = "platform_too_old"
    OTHER_VERSION = "other_version"
    """The address names a version that this phone does not get."""


class ResolvedLink(BaseModel):
    """What an address opens on this phone."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    app_id: UUID
    name: str
    version: Version
    """The one that this phone gets."""
    page: str
    """As the manifest of this version names it."""
    query: str | None
    fragment: str | None
    opens: bool
    obstacle: Obstacle | None
    """Why it does not open here."""
    sha256: str
    package_url: str
    address: str
    """The same address as the platform writes it."""
    https_address: str
    """The same for a page or a QR code, where no app may be there to take the other."""
