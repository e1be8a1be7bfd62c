from uuid import UUID

import httpx
import pytest

from chassis.testing import Tokens
from tests.svc_payments.billing.files.files import uploader
from tests.svc_payments.billing.uploads.uploads import UploadClient


@pytest.fixture
def client(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> UploadClient:
    """Of a provider's system that may upload bills."""
    return UploadClient(api, uploader(tokens, provider_id))
