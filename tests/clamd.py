"""A server that speaks clamd's protocol: it finds what the standard test file of scanners stands for."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

TEST_VIRUS = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass
class ClamdServer:
    """What it was sent, and how it answers."""

    answer: bytes | None = None
    """Instead of a verdict."""
    silent: bool = False
    scanned: list[bytes] = field(default_factory=list)
    address: str = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            content = b""
            while length := struct.unpack(">I", await reader.readexactly(4))[0]:
                content += await reader.readexactly(length)
            self.scanned.append(content)
            if self.silent:
                await reader.read()  # until the client gives up
                return
            writer.write(self.answer or self._verdict(content))
            await writer.drain()

    @staticmethod
    def _verdict(content: bytes) -> bytes:
        found = TEST_VIRUS in content
        return b"stream: Eicar-Test-Signature FOUND\0" if found else b"stream: OK\0"

    @contextlib.asynccontextmanager
    async def running(self, socket: Path | None = None) -> AsyncIterator["ClamdServer"]:
        if socket:
            server = await asyncio.start_unix_server(self._serve, socket)
            self.address = f"unix://{socket}"
        else:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
