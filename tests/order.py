"""The order in which several workers run the tests."""

import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

# Tests of minutes, the longest first.
LONGEST = (
    "journeys/",
    "deploy/test_platform.py",
    "svc_payments/machine/",
    "guides/test_follow.py",
    "chassis/test_events.py",
    "svc_payments/ledger/tampering/",
    "faults/",
)

Item = TypeVar("Item")


def spread(items: Sequence[Item], workers: int, path_of: Callable[[Item], str]) -> list[Item]:
    """Put the longest tests where the parts of the workers begin.

    xdist's `worksteal` gives each worker one of as many equal parts of the list, and takes from the end of the longest
    part for a worker that has finished its own.
    """
    long: dict[str, list[Item]] = {name: [] for name in LONGEST}
    others: list[Item] = []
    for item in items:
        path = path_of(item)
        name = next((name for name in LONGEST if path.startswith(name)), "")
        long.get(name, others).append(item)
    parts: list[list[Item]] = [[] for _ in range(workers)]
    there_and_back = itertools.cycle((*range(workers), *reversed(range(workers))))
    for group, worker in zip(long.values(), there_and_back, strict=False):
        parts[worker].extend(group)
    left, ordinary = len(items), iter(others)
    for number, part in enumerate(parts):
        size = left // (workers - number)
        part.extend(itertools.islice(ordinary, max(0, size - len(part))))
        left -= size
    return [*itertools.chain.from_iterable(parts), *ordinary]
