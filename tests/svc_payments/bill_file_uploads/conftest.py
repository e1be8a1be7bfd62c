from uuid import UUID

import httpx
import pytest

from chassis.testing import Tokens
from tests.svc_payments.bill_file_uploads.uploads import Uploading
from tests.svc_payments.bill_files.files import uploader


@pytest.fixture
def client(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> Uploading:
    """Of a provider's system that may upload bills."""
    return Uploading(api, uploader(tokens, provider_id))
