"""The checks of an uploaded file, few at a time: each takes memory and a core."""

from functools import partial
from pathlib import Path
from typing import IO

import anyio.to_thread
from anyio import CapacityLimiter

from svc_miniapps.packages.checks.inspection import Sound, check
from svc_miniapps.packages.checks.manifest import Expected
from svc_miniapps.packages.findings import PackageRefused

_AT_ONCE = CapacityLimiter(2)
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


async def inspect_in_turn(path: Path, expected: Expected) -> Sound:
    """The same, in a thread of the pool.

    Raises:
        PackageRefused
    """
    return await anyio.to_thread.run_sync(partial(_inspect_path, path, expected), limiter=_AT_ONCE)


def _inspect_path(path: Path, expected: Expected) -> Sound:
    with path.open("rb") as file:
        return inspect(file, expected)
