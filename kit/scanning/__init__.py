"""Scanners of files for malware: one port, and clamd behind it."""

from collections.abc import AsyncIterator
from typing import Annotated, Protocol
from urllib.parse import urlsplit

from pydantic import AfterValidator

from kit.scanning.clamd import Clamd, ScannerUnavailableError

__all__ = ["OFF", "Scanner", "ScannerAddress", "ScannerUnavailableError", "scanner_at"]

OFF = "off"


class Scanner(Protocol):
    async def is_clean(self, pieces: AsyncIterator[bytes]) -> bool:
        """Whether nothing is found in a file.

        Raises:
            ScannerUnavailableError: it gave no verdict.
        """


def _is_address(value: str) -> str:
    if value != OFF:
        scanner_at(value)
    return value


ScannerAddress = Annotated[str, AfterValidator(_is_address)]


def scanner_at(address: str) -> Scanner | None:
    """The clamd at `tcp://host:port` or `unix:///path`; None where scanning is off.

    Raises:
        ValueError: it is another address.
    """
    if address == OFF:
        return None
    parts = urlsplit(address)
    if parts.scheme == "tcp" and parts.hostname and parts.port and not parts.path:
        return Clamd(host=parts.hostname, port=parts.port)
    if parts.scheme == "unix" and parts.path and not parts.netloc:
        return Clamd(path=parts.path)
    raise ValueError("must be off, tcp://host:port or unix:///path of clamd")
