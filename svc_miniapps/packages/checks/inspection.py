"""All checks of a package, from its first byte to what its scripts do."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from svc_miniapps.packages.checks import manifest as manifests
from svc_miniapps.packages.checks import names
from svc_miniapps.packages.checks.archive import Archive, open_archive
from svc_miniapps.packages.checks.findings import Finding, first_of
from svc_miniapps.packages.checks.harmony import check_targets
from svc_miniapps.packages.checks.languages import check_languages
from svc_miniapps.packages.checks.manifest import Expected
from svc_miniapps.packages.checks.references import check_references
from svc_miniapps.packages.checks.scripts import check_scripts


@dataclass(frozen=True)
class Sound:
    """What a package declares in which nothing is wrong."""

    version_code: int
    version_name: str
    pages: Sequence[str]
    permissions: Sequence[str]
    domains: Collection[str] = ()
    """Entries of the allow-list that it uses."""


def check(file: IO[bytes], expected: Expected) -> Sound | Sequence[Finding]:
    """Check a whole package. It unpacks up to 64 MiB, a piece at a time, and runs the scanner: a task for a thread."""
    archive = open_archive(file)
    if not isinstance(archive, Archive):
        return archive
    manifest = _manifest_of(archive)
    used = set[str]()
    findings = first_of(_findings(archive, manifest, expected, used))
    if findings or not isinstance(manifest, dict):
        return findings
    return Sound(
        version_code=manifest["version"]["code"],
        version_name=manifest["version"]["name"],
        pages=manifest["pages"],
        permissions=[each["name"] for each in manifest.get("req_permissions", ())],
        domains=used,
    )


def _findings(
    archive: Archive, manifest: dict[str, Any] | Finding | None, expected: Expected, used: set[str]
) -> Iterator[Finding]:
    yield from archive.findings
    yield from names.check_layout(archive.paths)
    yield from check_languages(archive, expected)
    if isinstance(manifest, Finding):
        yield manifest
    elif manifest is not None:
        faults = False
        for finding in manifests.check_manifest(manifest, expected):
            faults = faults or finding.code.startswith("manifest_")
            yield finding
        if not faults:
            yield from check_references(manifest, archive)
            yield from check_scripts(archive, manifest, expected, used)
    yield from check_targets(archive, expected)


def _manifest_of(archive: Archive) -> dict[str, Any] | Finding | None:
    """None when there is none that could be read; that is a finding already."""
    if manifests.FILE not in archive.paths or not archive.is_sound(manifests.FILE):
        return None
    content = archive.read(manifests.FILE, manifests.MAX_BYTES)
    if content is None:
        return Finding("manifest_too_large", manifests.FILE, {"limit": manifests.MAX_BYTES})
    return manifests.read_manifest(content)
