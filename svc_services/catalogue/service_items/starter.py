"""The general guide of each kind, for companies that have published none of their own."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.catalogue.service_items.content import ItemContent
from svc_services.catalogue.service_items.service import publish_general
from svc_services.catalogue.service_items.workflows import WorkflowOf


async def publish_missing_guides(tx: AsyncSession, data: dict[str, Any], workflow_of: WorkflowOf) -> int:
    """Publish the guides of kinds that have a workflow and no guide. Returns how many."""
    published = 0
    for kind, of_kind in data["kinds"].items():
        for entry in data["items"]:
            limit = await workflow_of(tx, kind, entry["application_kind"])
            if limit:
                content = _content(data, of_kind, entry, limit.limit_days)
                published += await publish_general(tx, kind, entry["application_kind"], content, workflow_of)
    return published


def _content(data: dict[str, Any], of_kind: dict[str, Any], entry: dict[str, Any], days: int) -> ItemContent:
    """Its days are those of the workflow: the general guide promises nothing of its own."""
    kind, names = of_kind["name"], entry["name"]
    name = {language: f"{names[language]}: {kind[language]}" for language in ("en", "kk", "ug")}
    return ItemContent.model_validate(
        {
            "name": {**name, "zh": f"{kind['zh']}{names['zh']}"},
            "basis": of_kind["basis"],
            "conditions": [data["condition"]],
            "materials": [{"name": data["materials"][each], "copies": 0} for each in entry["materials"]],
            "legal_days": days,
            "promised_days": days,
            "fees": [{**data["fee"], "amount_fen": None}] if entry.get("fee") else [],
            "channels": [{"type": "online"}],
        }
    )
