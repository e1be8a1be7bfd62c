"""Update checks: what has changed in the apps on a phone. They read the copy in memory and need no query."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from svc_miniapps.catalogue.entries import Catalogue, Difference, Entry
from svc_miniapps.catalogue.updates.schemas import Change, Delta, Update
from svc_miniapps.packages.schemas import Version
from svc_miniapps.reference.divisions.models import PREFECTURE
from svc_miniapps.reference.divisions.service import UnknownDivision

_NOWHERE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Phone:
    """What is on a phone: for each app its id as it is written, its version, and its digest where it is known."""

    division_code: str
    platform_version: int
    language: str | None
    installed: Iterable[tuple[str, int, str | None]]
    gray: Mapping[str, Entry] = field(default_factory=dict)
    """What the person has before the others, by the id of its app."""


def check_updates(catalogue: Catalogue, phone: Phone) -> bytes:
    """The JSON of what has changed.

    Raises:
        UnknownDivision
    """
    if phone.division_code not in catalogue.divisions:
        raise UnknownDivision
    return b'{"items":[' + b",".join(_changes(catalogue, phone)) + b"]}"


def _changes(catalogue: Catalogue, phone: Phone) -> Iterator[bytes]:
    known, gray, shown = catalogue.by_text, phone.gray, (phone.division_code, PREFECTURE)
    for app_id, version_code, sha256 in phone.installed:
        entry = gray.get(app_id) or known.get(app_id)
        if entry is None:
            yield _gone(catalogue, app_id)
            continue
        if entry.division_code not in shown:
            yield _moved(entry, phone.language)
        # A new version may have the bytes of the one before; the phone has nothing to fetch then.
        elif (entry.sha256 != sha256 if sha256 else entry.version_code != version_code) and (
            entry.min_platform_code <= phone.platform_version
        ):
            yield _updated(entry, phone.language, entry.deltas.get(sha256 or ""))
        elif entry.end is not None:
            yield _ending(entry, phone.language)


def _gone(catalogue: Catalogue, app_id: str) -> bytes:
    if (end := catalogue.ended.get(app_id)) is None:
        return _WITHDRAWN % app_id.encode()
    about = {"last_day": end.last_day, "redirect_app_id": end.redirect_app_id}
    return _written(Update(app_id=UUID(app_id), change=Change.REMOVED, **about))


def _ending(entry: Entry, tag: str | None) -> bytes:
    name, _description = entry.text(entry.language_for(tag))
    where = {"name": name, "division_code": entry.division_code}
    return _written(Update(app_id=entry.app_id, change=Change.ENDING, **where, **_end_of(entry)))


def _end_of(entry: Entry) -> dict[str, Any]:
    end = entry.end
    return {"last_day": end.last_day, "redirect_app_id": end.redirect_app_id} if end else {}


def _moved(entry: Entry, tag: str | None) -> bytes:
    name, _description = entry.text(entry.language_for(tag))
    return _written(
        Update(app_id=entry.app_id, change=Change.MOVED, name=name, division_code=entry.division_code),
    )


def _updated(entry: Entry, tag: str | None, delta: Difference | None) -> bytes:
    language = entry.language_for(tag)
    key = (language, delta.sha256 if delta else "")
    if key not in entry.updates:
        name, _description = entry.text(language)
        update = Update(
            app_id=entry.app_id,
            change=Change.UPDATED,
            name=name,
            division_code=entry.division_code,
            version=Version(code=entry.version_code, name=entry.version_name),
            sha256=entry.sha256,
            size_bytes=entry.size_bytes,
            signature=entry.signature,
            package_url=entry.package_url,
            delta=Delta(url=entry.delta_url(delta), sha256=delta.sha256, size_bytes=delta.size_bytes)
            if delta
            else None,
            **_end_of(entry),
        )
        entry.updates[key] = _written(update)
    return entry.updates[key]


def _written(update: Update) -> bytes:
    return update.model_dump_json().encode()


_WITHDRAWN = _written(Update(app_id=_NOWHERE, change=Change.WITHDRAWN)).replace(str(_NOWHERE).encode(), b"%s")
