"""What residents see: of each app the release published last, in its division or in the whole prefecture."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from uuid import UUID

from chassis.pagination import BadCursor, PageRequest, cursor_after
from chassis.problems import NotFound
from svc_miniapps.catalogue.answers import Answer
from svc_miniapps.catalogue.entries import Catalogue, Entry, nearest
from svc_miniapps.catalogue.names import Names
from svc_miniapps.publishing.listings.search_words import folded
from svc_miniapps.reference.categories.service import UnknownCategory
from svc_miniapps.reference.divisions.service import UnknownDivision


@dataclass(frozen=True)
class Wanted:
    """What a phone asks the catalogue for."""

    division_code: str
    category: str | None = None
    language: str | None = None
    """Of the texts."""
    only_in_language: bool = False
    platform_version: int | None = None
    search: str | None = None


def list_catalogue(catalogue: Catalogue, wanted: Wanted, page: PageRequest) -> Answer:
    """The apps of a division and of the whole prefecture, those registered last first.

    Raises:
        UnknownDivision, UnknownCategory, BadCursor
    """
    after = _checked(catalogue, wanted, page)
    answer = catalogue.answers.get((wanted, page))
    if answer is None:
        entries = list(islice(_matching(catalogue, wanted, after), page.limit + 1))
        answer = _page(entries, wanted.language, page.limit)
        if answer.size() < catalogue.answers.maxsize:
            catalogue.answers[(wanted, page)] = answer
    return answer


def list_own_catalogue(catalogue: Catalogue, gray: Mapping[UUID, Entry], wanted: Wanted, page: PageRequest) -> Answer:
    """The same apps for one person, who has some of them in a gray version.

    Raises:
        UnknownDivision, UnknownCategory, BadCursor
    """
    after = _checked(catalogue, wanted, page)
    entries = list(islice(_matching(catalogue, wanted, after, gray), page.limit + 1))
    return _page(entries, wanted.language, page.limit)


def _checked(catalogue: Catalogue, wanted: Wanted, page: PageRequest) -> UUID | None:
    """The app after which the page begins."""
    if wanted.division_code not in catalogue.divisions:
        raise UnknownDivision
    if wanted.category is not None and wanted.category not in catalogue.categories:
        raise UnknownCategory
    return _key(page.after)


def get_listing(catalogue: Catalogue, app_id: UUID, language: str | None) -> Answer:
    entry = listed(catalogue, app_id)
    return Answer(entry.listing(entry.language_for(language)))


def listed(catalogue: Catalogue, app_id: UUID) -> Entry:
    """Raises: NotFound."""
    entry = catalogue.entries.get(app_id)
    if entry is None:
        raise NotFound
    return entry


def _key(after: str | None) -> UUID | None:
    try:
        return None if after is None else UUID(after)
    except ValueError:
        raise BadCursor from None


def _matching(
    catalogue: Catalogue, wanted: Wanted, after: UUID | None, gray: Mapping[UUID, Entry] = MappingProxyType({})
) -> Iterator[Entry]:
    for published in _searched(catalogue, wanted):
        entry = gray.get(published.app_id, published)
        if (
            (after is None or entry.app_id < after)
            and (wanted.category is None or entry.category == wanted.category)
            and (wanted.platform_version is None or entry.min_platform_code <= wanted.platform_version)
            and not (wanted.only_in_language and not _speaks(entry, wanted.language))
        ):
            yield entry


def _searched(catalogue: Catalogue, wanted: Wanted) -> Iterable[Entry]:
    of_division = catalogue.of_division[wanted.division_code]
    if wanted.search is None:
        return of_division
    if wanted.division_code not in catalogue.names:
        catalogue.names[wanted.division_code] = Names(of_division)
    return catalogue.names[wanted.division_code].matching(folded(wanted.search))


def _speaks(entry: Entry, language: str | None) -> bool:
    return language is None or nearest(language, frozenset(entry.languages)) is not None


def _page(entries: list[Entry], language: str | None, limit: int) -> Answer:
    shown = entries[:limit]
    items = b",".join(entry.listing(entry.language_for(language)) for entry in shown)
    following = b'"%s"' % cursor_after(shown[-1].app_id).encode() if len(entries) > limit else b"null"
    return Answer(b'{"items":[' + items + b'],"next_cursor":' + following + b"}")
