"""Plans from svc_services, in any order of their events and more than once."""

from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from svc_payments.parties.tariff_plans.consumers import HANDLERS
from svc_payments.parties.tariff_plans.models import TariffPlan
from tests.kit.tariffs.examples import HEATING_BY_METER, named
from tests.svc_payments.parties.events import Event


@pytest.mark.parametrize(
    ("order", "withdrawn"),
    [
        (("published", "published"), False),
        (("published", "withdrawn", "published"), True),
        (("withdrawn", "published", "withdrawn"), True),
    ],
)
async def test_a_plan_is_kept_once_and_stays_withdrawn(
    tx: AsyncSession, order: tuple[str, ...], *, withdrawn: bool
) -> None:
    tariff_id = str(new_id())
    data = {
        "tariff_id": tariff_id,
        "provider_id": str(new_id()),
        "kind": "heating",
        "customer_class": "residential",
        "code": "base",
        "name": named("供热", "Heating"),
        "effective_from": "2026-10-15",
        "rules": HEATING_BY_METER | {"a_field_of_later": 1},
        "another_of_later": True,
    }
    for step in order:
        end = {"withdrawn_at": "2026-10-01T00:00:00Z", "replaced_by": None} if step == "withdrawn" else {}
        await Event(f"tariff_plan.{step}", data | end).consume(tx, HANDLERS)
    (plan,) = (await tx.scalars(select(TariffPlan).execution_options(populate_existing=True))).all()
    assert (plan.tariff_id, plan.measures, plan.withdrawn_at is not None) == (UUID(tariff_id), ["GJ", "m2"], withdrawn)
