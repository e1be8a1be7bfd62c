"""The checks of an uploaded file, few at a time: each takes memory and a core."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO
from uuid import UUID

import anyio
import anyio.to_thread
from anyio import CapacityLimiter

from chassis.problems import TryLater
from svc_miniapps.packages.checks.inspection import Sound, check
from svc_miniapps.packages.checks.manifest import Expected
from svc_miniapps.packages.findings import PackageRefused

MOST_SECONDS = 30.0
"""How long an upload waits for its turn."""


class ChecksBusy(TryLater):
    """Too many packages are being checked, or one of the same team still is."""

    code = "checks_busy"
    headers: Mapping[str, str] = {"Retry-After": "15"}


class Turns:
    """Places for checks. A team has one of them at most, so that it waits for itself before others wait for it."""

    def __init__(self, places: int = 2, most_seconds: float = MOST_SECONDS) -> None:
        self.limiter, self._most_seconds = CapacityLimiter(places), most_seconds
        self._teams = dict[UUID, CapacityLimiter]()
        self._present = Counter[UUID]()
        """Uploads of each team that hold a place or wait for one."""

    @asynccontextmanager
    async def of(self, team: UUID) -> AsyncIterator[None]:
        """Hold one place.

        Raises:
            ChecksBusy
        """
        own, holder = self._teams.setdefault(team, CapacityLimiter(1)), object()
        self._present[team] += 1
        try:
            try:
                with anyio.fail_after(self._most_seconds):
                    await own.acquire_on_behalf_of(holder)
                    try:
                        await self.limiter.acquire_on_behalf_of(holder)
                    except BaseException:
                        own.release_on_behalf_of(holder)
                        raise
            except TimeoutError:
                raise ChecksBusy from None
            try:
                yield
            finally:
                self.limiter.release_on_behalf_of(holder)
                own.release_on_behalf_of(holder)
        finally:
            self._present[team] -= 1
            if not self._present[team]:
                del self._present[team], self._teams[team]


_TURNS = Turns()
"""Others wait for their turn, and hold no more than their file on disk."""


def inspect(file: IO[bytes], expected: Expected) -> Sound:
    """What a package declares in which nothing is wrong.

    Raises:
        PackageRefused: with what was found.
    """
    outcome = check(file, expected)
    if not isinstance(outcome, Sound):
        raise PackageRefused(outcome)
    return outcome


async def inspect_in_turn(path: Path, expected: Expected, team: UUID) -> Sound:
    """The same, in a thread of the pool.

    Raises:
        PackageRefused
        ChecksBusy: no place was free in time.
    """
    async with _TURNS.of(team):
        return await anyio.to_thread.run_sync(partial(_inspect_path, path, expected))


def _inspect_path(path: Path, expected: Expected) -> Sound:
    with path.open("rb") as file:
        return inspect(file, expected)
