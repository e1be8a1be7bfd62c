"""What one package has that another has not: files by their digests, and what its manifest and texts name."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from svc_miniapps.packages.checks.archive import Archive, open_archive
from svc_miniapps.packages.checks.scripts import servers_in

_CHUNK = 64 * 1024
_MANIFEST = "manifest.json"
_MOST_NAMED = 500


@dataclass(frozen=True)
class File:
    sha256: str
    size_bytes: int


@dataclass
class Content:
    """A package as it is compared."""

    files: dict[str, File] = field(default_factory=dict)
    domains: set[str] = field(default_factory=set)
    permissions: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)


def content_of(file: IO[bytes]) -> Content:
    """Read a package that has passed the checks, so that its sizes are bounded; it belongs in a thread."""
    content = Content()
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            with archive.open(info) as member:
                digest = hashlib.sha256()
                while chunk := member.read(_CHUNK):
                    digest.update(chunk)
            content.files[info.filename] = File(digest.hexdigest(), info.file_size)
        _declare(content, json.loads(archive.read(_MANIFEST)))
    opened = open_archive(file)
    if isinstance(opened, Archive):
        content.domains = servers_in(opened)
    return content


def _declare(content: Content, manifest: Mapping[str, Any]) -> None:
    content.pages |= {page for page in manifest.get("pages", ()) if isinstance(page, str)}
    asked = manifest.get("req_permissions", ())
    content.permissions |= {str(each["name"]) for each in asked if isinstance(each, dict) and "name" in each}


@dataclass(frozen=True)
class Names:
    added: list[str]
    removed: list[str]


def named(before: set[str], after: set[str]) -> Names:
    return Names(sorted(after - before)[:_MOST_NAMED], sorted(before - after)[:_MOST_NAMED])
