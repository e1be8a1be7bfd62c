from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_miniapps.packages.schemas import Version


class Grade(BaseModel):
    """What residents think of an app; apps are not ordered by it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    average: float
    """From 1 to 5, with one decimal."""
    ratings: int
    """How many there are; from a hundred on, their first two digits."""


class ListedShutdown(BaseModel):
    """The announced end of an app."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    last_day: date
    """The last one on which residents have it."""
    text: str
    """Why it ends and what happens to data, in the language of the listing where there is one."""
    redirect_app_id: UUID | None
    """The app to go on with."""


class Listing(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    app_id: UUID
    release_id: UUID
    name: str
    """In the language that was asked for, where the app has it."""
    short_description: str
    language: str
    """Of the name and the description."""
    category: str
    division_code: str
    languages: list[str]
    version: Version
    min_platform_code: int
    """The lowest version of the platform that runs it, `platform_version.min_code` of its manifest."""
    platforms: list[str]
    """`w3c`, and `harmony` where the package was checked as a HarmonyOS atomic service too; expect further ones."""
    sha256: str
    """Of the bytes at `package_url`."""
    size_bytes: int
    signature: str | None
    """Compact JWS by a key of `GET /miniapps/v1/keys` over `app_id`, `version_code`, `sha256`, `size_bytes` and
    `approved_at`; null while a version from before signatures waits for its own."""
    package_url: str
    """Path of these very bytes at this address; it names them by their digest."""
    icon_url: str | None
    """Path of the icon, which it names by its digest too; null where the package has none to show."""
    filing_number: str | None
    """Under which the app is filed, to be shown on its page; null for one from before filing."""
    published_at: datetime
    grade: Grade | None
    """Null below ten ratings."""
    shutdown: ListedShutdown | None = None
