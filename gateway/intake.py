"""Reads a little at a time, so that what waits in memory for each client is little too."""

import asyncio

READ_BYTES = 64 * 1024


class Intake(asyncio.BufferedProtocol):
    """Hands on to a connection what arrives, at most `READ_BYTES` at once; uvloop would hand on 250 KB.

    All intakes of one event loop share the buffer: each read is handed on before the next begins.
    """

    def __init__(self, connection: asyncio.Protocol, buffer: memoryview) -> None:
        self._connection = connection
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._connection.data_received(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> bool | None:
        return self._connection.eof_received()

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)
