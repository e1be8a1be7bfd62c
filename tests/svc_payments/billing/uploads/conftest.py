from uuid import UUID

import httpx
import pytest

from chassis.testing import Tokens
from tests.svc_payments.billing.files.files import uploader
from tests.svc_payments.billing.uploads.uploads import Uploading


@pytest.fixture
def client(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> Uploading:
    """Of a provider's system that may upload bills."""
    return Uploading(api, uploader(tokens, provider_id))
