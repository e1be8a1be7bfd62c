"""Keeps the published plans of svc_services."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_payments.parties.tariff_plans.models import TariffPlan


class PlanPublished(EventData):
    tariff_id: UUID
    provider_id: UUID
    customer_class: str
    code: str
    name: dict[str, str]
    effective_from: date
    rules: dict[str, Any]

    def row(self, published_at: datetime) -> dict[str, Any]:
        return {**self.model_dump(), "measures": sorted(_measures(self.rules)), "published_at": published_at}


class PlanWithdrawn(PlanPublished):
    withdrawn_at: AwareDatetime


def _measures(rules: dict[str, Any]) -> set[str]:
    components: list[dict[str, Any]] = rules["components"]
    measured = {each["measure"] for each in components if "measure" in each}
    return measured | {"m2" for each in components if each["type"] == "area"}


async def on_plan_published(tx: AsyncSession, event: Received[PlanPublished]) -> None:
    # Apart from its withdrawal a published plan never changes.
    await tx.execute(insert(TariffPlan).values(event.data.row(event.time)).on_conflict_do_nothing())


async def on_plan_withdrawn(tx: AsyncSession, event: Received[PlanWithdrawn]) -> None:
    # It may come before the publication, so that it has all of it.
    withdrawn = insert(TariffPlan).values(event.data.row(event.time))
    await tx.execute(
        withdrawn.on_conflict_do_update(
            index_elements=[TariffPlan.tariff_id], set_={"withdrawn_at": withdrawn.excluded.withdrawn_at}
        )
    )


HANDLERS: list[AnyHandler] = [
    Handler("cn.ili.services.tariff_plan.published.v1", PlanPublished, on_plan_published),
    Handler("cn.ili.services.tariff_plan.withdrawn.v1", PlanWithdrawn, on_plan_withdrawn),
]
