"""Account bindings from svc_services, in any order of their events."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from svc_payments.collection.mandates import service as mandates
from svc_payments.parties.accounts.consumers import handlers
from svc_payments.parties.accounts.models import AccountBinding
from tests.svc_payments.parties.events import FIRST_MINUTE, Event


@pytest.mark.parametrize("seed", range(6))
async def test_an_ended_binding_stays_ended_in_any_order_of_its_events(tx: AsyncSession, seed: int) -> None:
    data = {
        "binding_id": str(new_id()),
        "person_id": str(new_id()),
        "provider_id": str(new_id()),
        "account_number": "1000000005",
    }
    events = [Event("account_binding.activated", data | {"role": "owner"}), Event("account_binding.ended", data, 5)] * 2
    random.Random(seed).shuffle(events)  # noqa: S311 - any order will do
    for event in events:
        await event.consume(tx, handlers(mandates.binding_ended))
    binding = await tx.get_one(AccountBinding, UUID(data["binding_id"]), populate_existing=True)
    assert binding.ended_at == FIRST_MINUTE + timedelta(minutes=5)
