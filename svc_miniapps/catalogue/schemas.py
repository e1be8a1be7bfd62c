from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from svc_miniapps.packages.schemas import Version
from svc_miniapps.publishing.listings.models import Listing as ListingRow


class Listing(BaseModel):
    app_id: UUID
    release_id: UUID
    name: str
    short_description: str
    category: str
    division_code: str
    languages: list[str]
    version: Version
    sha256: str
    size_bytes: int
    package_url: str
    """Path of the download at this address."""
    published_at: datetime

    @classmethod
    def of(cls, listing: ListingRow) -> "Listing":
        return cls(
            app_id=listing.app_id,
            release_id=listing.release_id,
            name=listing.name,
            short_description=listing.short_description,
            category=listing.category,
            division_code=listing.division_code,
            languages=listing.languages,
            version=Version.of(listing.package),
            sha256=listing.package.sha256,
            size_bytes=listing.package.size_bytes,
            package_url=f"/miniapps/v1/catalogue/{listing.app_id}/package",
            published_at=listing.published_at,
        )
