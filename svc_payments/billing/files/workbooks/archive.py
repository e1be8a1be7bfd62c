"""The parts of a workbook's ZIP file."""

from collections.abc import Iterator
from typing import BinaryIO

from kit.files import archives
from svc_payments.billing.files.refusals import WorkbookBroken, WorkbookTooLarge

MOST_PARTS = 10_000
LARGEST_UNPACKED = 1024 * 1024 * 1024
"""Bytes of all parts together: three times what a million rows of eight columns take."""


class Archive:
    """A workbook's parts by name, compared without case (OPC, 6.2.2.3)."""

    def __init__(self, file: BinaryIO) -> None:
        """Look at the directory.

        Raises:
            WorkbookBroken: it is no archive such as spreadsheet programs write.
            WorkbookTooLarge: it has too many parts, or they are too large unpacked.
        """
        try:
            self._archive = archives.Archive(file, LARGEST_UNPACKED, MOST_PARTS)
        except archives.BrokenError:
            raise WorkbookBroken from None
        except archives.TooLargeError:
            raise WorkbookTooLarge(limit_bytes=LARGEST_UNPACKED) from None

    def __contains__(self, name: str) -> bool:
        return name in self._archive

    def pieces(self, name: str) -> Iterator[bytes]:
        """A part's content.

        Raises:
            WorkbookBroken: there is no such part, or it is damaged.
        """
        try:
            yield from self._archive.pieces(name)
        except archives.BrokenError:
            raise WorkbookBroken from None
