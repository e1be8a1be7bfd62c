from uuid import UUID

import httpx
import pytest

from chassis.testing import Tokens
from tests.svc_services.cases.applications.conftest import person_id, provider_id, resident
from tests.svc_services.cases.counter.counters import Counter, counter_of

__all__ = ["person_id", "provider_id", "resident"]


@pytest.fixture
def counter(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> Counter:
    return counter_of(api, tokens, provider_id)
