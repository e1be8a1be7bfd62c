"""The workflow of what is filed now, as the catalogue needs it."""

from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.cases.workflows.models import ApplicationKind
from svc_services.cases.workflows.service import newest_of
from svc_services.catalogue.service_items.workflows import WorkflowLimit


async def workflow_of(tx: AsyncSession, utility_kind: str, application_kind: str) -> WorkflowLimit | None:
    """The newest published workflow of these kinds; None where there is none."""
    with suppress(ValueError):
        workflow = await newest_of(tx, utility_kind, ApplicationKind(application_kind))
        if workflow and workflow.version:
            return WorkflowLimit(workflow.id, workflow.version, workflow.rules.limit_days)
    return None
