"""Each app comes a minute after the one before, as a phone gets one texted code a minute."""

import time
from collections.abc import Iterator

import pytest
import time_machine

from tests.svc_identity.app_client import APP, AppClient
from tests.svc_identity.conftest import NewAppClient


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(time.time()) as traveller:
        yield traveller


@pytest.fixture
def new_app_client(new_app_client: NewAppClient, clock: time_machine.Traveller) -> NewAppClient:
    def new(client_id: str = APP) -> AppClient:
        clock.shift(61)
        return new_app_client(client_id)

    return new
