"""What an address of a mini-app opens on a phone."""

from dataclasses import dataclass, replace

from obstore.store import ObjectStore

from chassis.db import Database
from chassis.problems import NotFound, Problem
from svc_miniapps.catalogue.entries import Entry
from svc_miniapps.packages.schemas import Version
from svc_miniapps.reference.divisions.models import PREFECTURE
from svc_miniapps.runtime.links import schemas
from svc_miniapps.runtime.links.addresses import Address
from svc_miniapps.runtime.links.pages import page_named, pages_of


class UnknownPage(Problem):
    status, code = 404, "unknown_page"


@dataclass(frozen=True)
class Phone:
    division_code: str
    platform_version: int | None = None
    language: str | None = None


@dataclass(frozen=True)
class Packages:
    """Where packages are looked into."""

    database: Database
    objects: ObjectStore
    public_url: str


async def resolve(packages: Packages, entry: Entry | None, address: Address, phone: Phone) -> schemas.ResolvedLink:
    """What the address opens in the version of the app that the phone gets.

    Raises:
        NotFound: residents do not have the app.
        UnknownPage
        TryLater: the store does not answer.
    """
    if entry is None:
        raise NotFound
    page = await require_page(packages, entry, address.page)
    obstacle = _obstacle(entry, address, phone)
    written = replace(address, page=page)
    return schemas.ResolvedLink(
        app_id=entry.app_id,
        name=entry.text(entry.language_for(phone.language))[0],
        version=Version(code=entry.version_code, name=entry.version_name),
        page=page,
        query=address.query,
        fragment=address.fragment,
        opens=obstacle is None,
        obstacle=obstacle,
        sha256=entry.sha256,
        package_url=entry.package_url,
        address=written.custom(),
        https_address=written.https(packages.public_url),
    )


async def require_page(packages: Packages, entry: Entry, wanted: str) -> str:
    """The page of this name in the version of the entry; the first one for an empty name.

    Raises:
        UnknownPage
    """
    pages = await pages_of(packages.database, packages.objects, entry.app_id, entry.sha256)
    page = page_named(pages, wanted)
    if page is None:
        raise UnknownPage
    return page


def _obstacle(entry: Entry, address: Address, phone: Phone) -> schemas.Obstacle | None:
    if entry.division_code not in (phone.division_code, PREFECTURE):
        return schemas.Obstacle.OTHER_DIVISION
    if phone.platform_version is not None and phone.platform_version < entry.min_platform_code:
        return schemas.Obstacle.PLATFORM_TOO_OLD
    # The draft compares versions without case.
    if address.version is not None and address.version.lower() != entry.version_name.lower():
        return schemas.Obstacle.OTHER_VERSION
    return None
