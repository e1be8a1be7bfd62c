"""Documents that people hand in: what they are by their bytes, whatever their name, and that they are nothing else.

Nothing is rendered and no picture is decoded. Every check reads the bytes once, so its time is bounded by their number.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from kit.files.heifs import is_heif, require_heif
from kit.files.pdfs import require_pdf
from kit.files.pictures import require_jpeg, require_png
from kit.files.refusals import DocumentAmbiguous, DocumentUnknown


class DocumentType(StrEnum):
    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"
    HEIC = "image/heic"

    @property
    def extension(self) -> str:
        return {self.PDF: "pdf", self.JPEG: "jpg", self.PNG: "png", self.HEIC: "heic"}[self]


_KINDS: Mapping[bytes, tuple[DocumentType, Callable[[bytes], None]]] = {
    b"%PDF-": (DocumentType.PDF, require_pdf),
    b"\xff\xd8\xff": (DocumentType.JPEG, require_jpeg),
    b"\x89PNG\r\n\x1a\n": (DocumentType.PNG, require_png),
}
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 65_557
"""How far before the end of a file readers of ZIP look for the end of the directory."""
_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_PAGES = (b"<!doctype html", b"<html", b"<script", b"<?php")
"""Long enough that compressed bytes practically never contain one; compared in lower case."""


def checked(content: bytes) -> DocumentType:
    """The type of a document.

    Raises:
        DocumentUnknown: it is none of those that are accepted.
        DocumentAmbiguous: another reader would find another file in it.
        DocumentDamaged, DocumentActive, DocumentTooLarge
    """
    for beginning, (kind, require) in _KINDS.items():
        if content.startswith(beginning):
            _require_alone(content, kind)
            require(content)
            return kind
    if is_heif(content):
        _require_alone(content, DocumentType.HEIC)
        require_heif(content)
        return DocumentType.HEIC
    raise DocumentUnknown


def _require_alone(content: bytes, kind: DocumentType) -> None:
    lowered = content.lower()
    hidden = (
        _ZIP_END in content[-_ZIP_TAIL:]
        or any(archive in content for archive in _ARCHIVES)
        or any(page in lowered for page in _PAGES)
        or (kind != DocumentType.PDF and b"%PDF-" in content)
    )
    if hidden:
        raise DocumentAmbiguous
