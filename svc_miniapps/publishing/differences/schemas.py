from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_miniapps.packages.schemas import Version
from svc_miniapps.publishing.differences.compare import Content, File, named
from svc_miniapps.publishing.domains.schemas import RegisteredDomain


class ChangedFile(BaseModel):
    path: str
    before_sha256: str | None
    """None for a file that was added."""
    after_sha256: str | None
    """None for a file that was removed."""
    before_bytes: int
    after_bytes: int

    @classmethod
    def of(cls, path: str, before: File | None, after: File | None) -> "ChangedFile":
        return cls(
            path=path,
            before_sha256=before.sha256 if before else None,
            after_sha256=after.sha256 if after else None,
            before_bytes=before.size_bytes if before else 0,
            after_bytes=after.size_bytes if after else 0,
        )


class NameChanges(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    added: list[str]
    removed: list[str]


class Difference(BaseModel):
    """What changes for residents who have the published version."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    release_id: UUID
    version: Version
    published_version: Version | None
    """What it is compared with; null before the first publication: then everything is added."""
    files: list[ChangedFile]
    unchanged_files: int
    domains: NameChanges
    """Servers that its scripts, pages, styles and data name, read as browsers read them."""
    registered_domains: list[RegisteredDomain] = []
    """The servers that its team has registered, with the dates of their proofs."""
    permissions: NameChanges
    pages: NameChanges


def files_between(before: Content, after: Content) -> list[ChangedFile]:
    """The files that differ, in the order of their paths."""
    paths = sorted(before.files.keys() | after.files.keys())
    pairs = [(path, before.files.get(path), after.files.get(path)) for path in paths]
    return [ChangedFile.of(*pair) for pair in pairs if pair[1] != pair[2]]


def names_between(before: set[str], after: set[str]) -> NameChanges:
    return NameChanges.model_validate(named(before, after))
