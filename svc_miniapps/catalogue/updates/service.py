"""What has changed of the apps on a phone, from the copy in memory: no query, whoever asks."""

from collections.abc import Iterator

from svc_miniapps.catalogue.entries import Catalogue, Difference, Entry
from svc_miniapps.catalogue.updates.schemas import Change, Delta, Installed, Update, UpdateCheck
from svc_miniapps.packages.schemas import Version
from svc_miniapps.reference.divisions.models import PREFECTURE
from svc_miniapps.reference.divisions.service import UnknownDivision


def check_updates(catalogue: Catalogue, phone: UpdateCheck) -> bytes:
    """The JSON of what has changed.

    Raises:
        UnknownDivision
    """
    if phone.division_code not in catalogue.divisions:
        raise UnknownDivision
    return b'{"items":[' + b",".join(_changes(catalogue, phone)) + b"]}"


def _changes(catalogue: Catalogue, phone: UpdateCheck) -> Iterator[bytes]:
    for app in phone.installed:
        entry = catalogue.entries.get(app.app_id)
        if entry is None:
            yield _written(Update(app_id=app.app_id, change=Change.WITHDRAWN))
        elif entry.division_code not in (phone.division_code, PREFECTURE):
            yield _moved(entry, phone.language)
        elif _differs(app, entry) and entry.min_platform_code <= phone.platform_version:
            yield _updated(entry, phone.language, entry.deltas.get(app.sha256 or ""))


def _differs(app: Installed, entry: Entry) -> bool:
    # A new version may have the bytes of the one before; the phone has nothing to fetch then.
    return entry.sha256 != app.sha256 if app.sha256 else entry.version_code != app.version_code


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
            package_url=entry.package_url,
            delta=Delta(url=entry.delta_url(delta), sha256=delta.sha256, size_bytes=delta.size_bytes)
            if delta
            else None,
        )
        entry.updates[key] = _written(update)
    return entry.updates[key]


def _written(update: Update) -> bytes:
    return update.model_dump_json().encode()
