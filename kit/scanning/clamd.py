"""ClamAV's clamd, asked by its INSTREAM command."""

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 60.0
_MOST_ANSWER = 4096
_CHUNK = struct.Struct(">I")
_LARGEST_CHUNK = 256 * 1024
_CLEAN, _FOUND = b"stream: OK", b" FOUND"


class ScannerUnavailableError(Exception):
    """The scanner gave no verdict: it is away, too slow, or says something else than one."""


@dataclass(frozen=True)
class Clamd:
    """A clamd on a host and port, or on a socket of this machine."""

    host: str = ""
    port: int = 0
    path: str = ""
    seconds: float = _ANSWER_SECONDS

    async def is_clean(self, pieces: AsyncIterator[bytes]) -> bool:
        try:
            async with asyncio.timeout(self.seconds):
                return _verdict(await self._ask(pieces))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ScannerUnavailableError(type(error).__name__) from None

    async def _ask(self, pieces: AsyncIterator[bytes]) -> bytes:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await self._connect()
        try:
            writer.write(b"zINSTREAM\0")
            async for piece in pieces:
                for at in range(0, len(piece), _LARGEST_CHUNK):
                    chunk = piece[at : at + _LARGEST_CHUNK]
                    writer.write(_CHUNK.pack(len(chunk)) + chunk)
                    await writer.drain()
            writer.write(_CHUNK.pack(0))
            await writer.drain()
            return await reader.readuntil(b"\0")
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.path:
            return await asyncio.open_unix_connection(self.path, limit=_MOST_ANSWER)
        return await asyncio.open_connection(self.host, self.port, limit=_MOST_ANSWER)


def _verdict(answer: bytes) -> bool:
    said = answer.rstrip(b"\0\n")
    if said == _CLEAN:
        return True
    if said.startswith(b"stream: ") and said.endswith(_FOUND):
        return False
    raise ScannerUnavailableError("no verdict")
