import pytest

from tests.svc_miniapps.runtime.scene import Runtime
from tests.svc_miniapps.stage import Stage


@pytest.fixture
def runtime(stage: Stage) -> Runtime:
    return Runtime(stage)
