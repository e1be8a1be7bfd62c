"""The catalogue in memory: what each app shows, written once for each language."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING
from uuid import UUID

from cachetools import LRUCache

from chassis.problems import DEFAULT_LANGUAGE
from chassis.text import nearest_tag
from svc_miniapps.catalogue import schemas
from svc_miniapps.catalogue.answers import Answer
from svc_miniapps.packages.schemas import Version
from svc_miniapps.reference.divisions.models import PREFECTURE
from svc_miniapps.targets import platforms_of

if TYPE_CHECKING:
    from svc_miniapps.catalogue.names import Names

_V1 = "/miniapps/v1/catalogue"
_ANSWERS_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that turns an older version into the one of the catalogue."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class End:
    """That an app ends, or has ended."""

    last_day: date
    texts: Mapping[str, str]
    redirect_app_id: UUID | None

    def text(self, language: str) -> str:
        known = frozenset(self.texts)
        return self.texts[nearest(language, known) or nearest(DEFAULT_LANGUAGE, known) or min(known)]


@dataclass(frozen=True, slots=True)
class Entry:
    app_id: UUID
    release_id: UUID
    division_code: str
    category: str
    name: str
    short_description: str
    languages: Sequence[str]
    texts: Mapping[str, Mapping[str, str]]
    search_words: str
    min_platform_code: int
    icon_sha256: str | None
    published_at: datetime
    version_code: int
    version_name: str
    sha256: str
    size_bytes: int
    filing_number: str | None
    signature: str | None
    targets: Sequence[str] | None
    deltas: Mapping[str, Difference]
    """By the digest of the older version."""
    grade: schemas.Grade | None = None
    """From ten ratings on."""
    end: End | None = None
    """Announced, and not there yet."""
    written: dict[str, bytes] = field(default_factory=dict)
    """The JSON of the listing by language."""
    updates: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """The JSON of the update by language and the digest of what it is made from, if there is a delta."""

    def language_for(self, tag: str | None) -> str:
        """The language of its texts that fits a reader best."""
        return (nearest(tag, frozenset(self.texts)) if tag else None) or DEFAULT_LANGUAGE

    def text(self, language: str) -> tuple[str, str]:
        texts = self.texts.get(language, {})
        return texts.get("name", self.name), texts.get("short_description", self.short_description)

    @property
    def package_url(self) -> str:
        return f"{_V1}/{self.app_id}/packages/{self.sha256}"

    def delta_url(self, delta: Difference) -> str:
        return f"{_V1}/{self.app_id}/deltas/{delta.sha256}"

    def shutdown(self, language: str) -> schemas.ListedShutdown | None:
        if self.end is None:
            return None
        text, end = self.end.text(language), self.end
        return schemas.ListedShutdown(last_day=end.last_day, text=text, redirect_app_id=end.redirect_app_id)

    def listing(self, language: str) -> bytes:
        """Its JSON."""
        if language not in self.written:
            name, short_description = self.text(language)
            self.written[language] = (
                schemas.Listing(
                    app_id=self.app_id,
                    release_id=self.release_id,
                    name=name,
                    short_description=short_description,
                    language=language,
                    category=self.category,
                    division_code=self.division_code,
                    languages=list(self.languages),
                    version=Version(code=self.version_code, name=self.version_name),
                    min_platform_code=self.min_platform_code,
                    platforms=platforms_of(self.targets),
                    sha256=self.sha256,
                    size_bytes=self.size_bytes,
                    signature=self.signature,
                    package_url=self.package_url,
                    icon_url=self.icon_sha256 and f"/miniapps/v1/icons/{self.icon_sha256}",
                    filing_number=self.filing_number,
                    published_at=self.published_at,
                    grade=self.grade,
                    shutdown=self.shutdown(language),
                )
                .model_dump_json()
                .encode()
            )
        return self.written[language]


@lru_cache(maxsize=4096)
def nearest(tag: str, known: AbstractSet[str]) -> str | None:
    return nearest_tag(tag, known)


class Catalogue:
    """Everything residents see, as it was at one moment."""

    def __init__(
        self,
        fingerprint: str,
        entries: Sequence[Entry],
        divisions: AbstractSet[str],
        categories: AbstractSet[str],
        recommended: Mapping[str, Sequence[UUID]],
        ended: Mapping[UUID, End],
    ) -> None:
        self.fingerprint = fingerprint
        self.entries = {entry.app_id: entry for entry in entries}
        self.by_text = {str(entry.app_id): entry for entry in entries}
        """A text is found three times as fast as a UUID."""
        self.ended = {str(app_id): end for app_id, end in ended.items()}
        self.divisions, self.categories = divisions, categories
        self.recommended = recommended
        """By division the apps that it recommends today, in its order."""
        newest = sorted(entries, key=attrgetter("app_id"), reverse=True)
        self.of_division = {
            code: [entry for entry in newest if entry.division_code in (code, PREFECTURE)] for code in divisions
        }
        self.names: dict[str, Names] = {}
        """By division, made by its first search."""
        self.answers: LRUCache[object, Answer] = LRUCache(_ANSWERS_BYTES, getsizeof=Answer.size)
        """The pages that were asked for since, in each coding."""
