from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.cases.applications.models import Application
from svc_services.cases.counter import content, schemas
from svc_services.cases.counter.models import CounterFiling, FilingStatus
from svc_services.cases.workflows.models import Workflow

_ROUTE = ("counter_division_code", "provider_id", "kind", "division_code", "status", "offered_until")


async def of_clerk(tx: AsyncSession, filing: CounterFiling) -> schemas.CounterFiling:
    return schemas.CounterFiling(
        filing_id=filing.id,
        **{name: getattr(filing, name) for name in (*_ROUTE, "account_number", "form", "version", "created_at")},
        materials=[content.shown_material(each) for each in await content.materials_of(tx, filing)],
        case=(await _cases(tx, [filing])).get(filing.application_id),
    )


async def summaries(tx: AsyncSession, filings: Sequence[CounterFiling]) -> list[schemas.CounterFilingSummary]:
    cases = await _cases(tx, filings)
    return [
        schemas.CounterFilingSummary(
            filing_id=each.id,
            **{name: getattr(each, name) for name in (*_ROUTE, "created_at")},
            case=cases.get(each.application_id),
        )
        for each in filings
    ]


async def of_person(tx: AsyncSession, filing: CounterFiling) -> schemas.CounterConfirmation:
    admitted = filing.status == FilingStatus.ADMITTED
    return schemas.CounterConfirmation(
        filing_id=filing.id,
        **{name: getattr(filing, name) for name in _ROUTE},
        match_number=filing.match_number if filing.status == FilingStatus.OPENED else None,
        content=await content.content_of(tx, filing) if admitted else None,
        application_id=filing.application_id,
    )


async def _cases(tx: AsyncSession, filings: Sequence[CounterFiling]) -> dict[UUID | None, schemas.TakenInCase]:
    filed = [each.application_id for each in filings if each.application_id]
    query = select(Application, Workflow).join(Workflow, Workflow.id == Application.workflow_id)
    found = await tx.execute(query.where(Application.id.in_(filed)))
    return {case.id: _case(case, workflow) for case, workflow in found}


def _case(case: Application, workflow: Workflow) -> schemas.TakenInCase:
    return schemas.TakenInCase(
        application_id=case.id,
        case_number=str(case.case_number),
        provider_id=case.provider_id,
        division_code=case.division_code,
        status=case.status,
        state=str(case.state),
        state_label=workflow.rules.labels.get(str(case.state)),
        promised_on=case.promised_on if case.clock_runs else None,
    )
