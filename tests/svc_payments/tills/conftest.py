import pytest

from tests.svc_payments.tills.counter import Counter
from tests.svc_payments.world import World


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)
