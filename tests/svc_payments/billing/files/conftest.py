from uuid import UUID

import pytest

from chassis.testing import Tokens
from tests.svc_payments.billing.files.files import uploader


@pytest.fixture
def headers(tokens: Tokens, provider_id: UUID) -> dict[str, str]:
    """Of a provider's system that may upload bills."""
    return uploader(tokens, provider_id)
