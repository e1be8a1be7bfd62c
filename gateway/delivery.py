"""Resets the connection of a client that does not take what was sent to it."""

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Callable

from gateway.pace import Pace

_LONGEST_TICK_SECONDS = 5.0
_NO_LINGER = struct.pack("ii", 1, 0)


class Delivery:
    """Watches what waits for a client, in our buffer and in the kernel's.

    Our buffer alone does not show a slow client's progress: the kernel asks for more only when a good part of its own
    buffer, of up to megabytes, is free, which takes minutes at some hundred bytes a second.
    """

    def __init__(
        self, transport: asyncio.Transport, seconds: float, bytes_per_second: float, on_stuck: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._seconds = seconds
        self._bytes_per_second = bytes_per_second
        self._on_stuck = on_stuck
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Watch until `stop`, or until nothing waits any more."""
        if self._timer is None and self._transport.get_write_buffer_size():
            self._pace = Pace(self._seconds, self._bytes_per_second)
            self._waiting = self._bytes_waiting()
            self._wait()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _tick(self) -> float:
        return min(_LONGEST_TICK_SECONDS, self._seconds / 4)

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick, self._check)

    def _check(self) -> None:
        self._timer = None
        if not self._transport.get_write_buffer_size():
            return
        waiting = self._bytes_waiting()
        self._pace.record(waited=self._tick, moved=max(0, self._waiting - waiting))
        self._waiting = waiting
        if self._pace.seconds_left > 0:
            self._wait()
        else:
            self._on_stuck()
            self._reset()

    def _reset(self) -> None:
        """Close at once; an ordinary close would leave the kernel to offer its share for many more minutes."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def _bytes_waiting(self) -> int:
        return self._transport.get_write_buffer_size() + self._bytes_unacknowledged()

    def _bytes_unacknowledged(self) -> int:
        connection = self._transport.get_extra_info("socket")
        try:
            (waiting,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))
        except OSError:  # not told for this kind of socket
            return 0
        return int(waiting)
