"""The texts of a package in its languages: `i18n/<language>.json`, an object of texts or of further such objects."""

import re
from collections.abc import Iterator

from svc_miniapps.packages.checks.archive import Archive
from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.json_text import JsonFaultError, read_json
from svc_miniapps.packages.checks.manifest import Expected
from svc_miniapps.packages.checks.names import I18N
from svc_miniapps.packages.checks.texts import check_translations

MAX_BYTES = 512 * 1024
MAX_TEXTS = 20_000
_FILE = re.compile(rf"{I18N}([^/]+)\.json")


def check_languages(archive: Archive, expected: Expected) -> Iterator[Finding]:
    declared = None if expected.languages is None else {tag.casefold() for tag in expected.languages}
    for path in archive.paths:
        found = _FILE.fullmatch(path)
        if found is None or not archive.is_sound(path):
            continue
        if declared is not None and found[1].casefold() not in declared:
            yield Finding("language_not_declared", path, {"language": found[1]})
        yield from _check_texts(archive, path)


def _check_texts(archive: Archive, path: str) -> Iterator[Finding]:
    content = archive.read(path, MAX_BYTES)
    if content is None:
        yield Finding("language_file_too_large", path, {"limit": MAX_BYTES})
        return
    try:
        texts = read_json(content, MAX_TEXTS)
    except JsonFaultError as fault:
        line, column = fault.values.get("line", 1), fault.values.get("column", 1)
        yield Finding("language_file_not_json", path, {"line": line, "column": column})
        return
    if not isinstance(texts, dict) or not _is_texts(texts):
        yield Finding("language_file_not_texts", path)
        return
    yield from check_translations(path, texts)


def _is_texts(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_texts, value.values()))
    return isinstance(value, str) or (isinstance(value, list) and all(map(_is_texts, value)))
