"""A build of the same app for HarmonyOS atomic services: at most 10 MB as a whole and 2 MB a package in it."""

from collections.abc import Iterator

from svc_miniapps.packages.checks.archive import Archive
from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.manifest import Expected

HARMONY = "harmony"
MAX_BYTES = 10 * 1024 * 1024
MAX_PART_BYTES = 2 * 1024 * 1024
COMMON = "common"


def check_targets(archive: Archive, expected: Expected) -> Iterator[Finding]:
    """That the app was registered for each platform, and what is wrong with the package there."""
    if expected.registered_targets is not None:
        for target in sorted(expected.targets - expected.registered_targets):
            yield Finding("target_not_registered", values={"target": target})
    if HARMONY in expected.targets:
        yield from check_harmony(archive)


def check_harmony(archive: Archive) -> Iterator[Finding]:
    """Each folder under `pages/` becomes a package of the atomic service; everything else is its entry package."""
    parts = dict[str, int]()
    for path in archive.paths:
        folders = path.split("/")
        is_of_a_page = folders[0] == "pages" and len(folders) > 2  # noqa: PLR2004 - pages/<name>/<file>
        part = "/".join(folders[:2]) if is_of_a_page else COMMON
        parts[part] = parts.get(part, 0) + archive.size_of(path)
    total = sum(parts.values())
    if total > MAX_BYTES:
        yield Finding("harmony_too_large", values={"bytes": total, "limit": MAX_BYTES})
    for part, size in parts.items():
        if size > MAX_PART_BYTES:
            yield Finding("harmony_part_too_large", values={"part": part, "bytes": size, "limit": MAX_PART_BYTES})
