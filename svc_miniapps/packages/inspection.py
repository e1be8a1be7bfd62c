"""All checks of an uploaded file, from its first byte to the pages its manifest names."""

from collections.abc import Sequence
from typing import IO, Any

from svc_miniapps.packages import manifest as manifests
from svc_miniapps.packages import names
from svc_miniapps.packages.archive import Archive, open_archive
from svc_miniapps.packages.findings import Finding, PackageRefused


def inspect(file: IO[bytes], expected: manifests.Expected) -> str:
    """The version's name, from the manifest of a package in which nothing is wrong.

    It unpacks up to 64 MiB, so it belongs in a thread.

    Raises:
        PackageRefused: with everything that was found.
    """
    archive = open_archive(file)
    if not isinstance(archive, Archive):
        raise PackageRefused(archive)
    paths = archive.paths
    findings = [*archive.findings, *names.check_layout(paths)]
    manifest = _manifest_of(archive, paths)
    if isinstance(manifest, Finding):
        findings.append(manifest)
    elif manifest is not None:
        findings += manifests.check_manifest(manifest, frozenset(paths), expected)
    if findings or not isinstance(manifest, dict):
        raise PackageRefused(findings)
    version_name: str = manifest["version"]["name"]
    return version_name


def _manifest_of(archive: Archive, paths: Sequence[str]) -> dict[str, Any] | Finding | None:
    """None when there is none that could be read; that is a finding already."""
    if manifests.FILE not in paths or any(finding.member in (None, manifests.FILE) for finding in archive.findings):
        return None
    content = archive.read(manifests.FILE, manifests.MAX_BYTES)
    if content is None:
        return Finding("manifest_too_large", manifests.FILE, {"limit": manifests.MAX_BYTES})
    return manifests.read_manifest(content)
