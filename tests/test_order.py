"""The order in which several workers run the tests: nothing is lost, and the longest come first in each part."""

from hypothesis import given
from hypothesis import strategies as st

from tests.order import LONGEST, spread

paths = st.lists(st.sampled_from([*LONGEST, "kit/", "gateway/"]), max_size=60)


@given(paths, st.integers(1, 5))
def test_every_test_is_run_once(chosen: list[str], workers: int) -> None:
    items = list(enumerate(chosen))
    assert sorted(spread(items, workers, lambda item: item[1])) == items


def test_each_part_begins_with_its_share_of_the_longest() -> None:
    ordinary = [f"kit/test_{number}.py" for number in range(34)]
    order = spread([*ordinary, *LONGEST], 4, str)
    starts = [order[start : start + 2] for start in (0, 10, 20, 30)]
    journeys, platform, machine, guides, events, tampering, faults = LONGEST
    assert starts == [[journeys, ordinary[0]], [platform, faults], [machine, tampering], [guides, events]]
