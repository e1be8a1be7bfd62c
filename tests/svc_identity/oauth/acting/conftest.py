import pytest
import pytest_asyncio

from svc_identity.settings import Settings
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.oauth.acting.scene import Actor, Firm


@pytest_asyncio.fixture
async def agent(new_app_client: NewAppClient) -> Actor:
    return await Actor(new_app_client()).proofed()


@pytest_asyncio.fixture
async def firm(new_app_client: NewAppClient, settings: Settings) -> Firm:
    representative = await Actor(new_app_client(), "张三").proofed()
    return await Firm(representative, settings).claimed_by(representative)


@pytest.fixture
def mandates_path() -> str:
    return "/identity/v1/me/mandates"
