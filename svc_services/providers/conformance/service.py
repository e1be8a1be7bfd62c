"""A company names its sandbox, has it examined, and reads what was found."""

import math
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id, now
from chassis.problems import NotFound, Problem
from kit.fields.customer_parameters import CustomerParameters
from svc_services.providers.applications.models import ApplicationStatus, Provider, ProviderApplication
from svc_services.providers.conformance import presenters, roster, schemas
from svc_services.providers.conformance.bills import invented_bills
from svc_services.providers.conformance.models import ENDED, ConformanceRun, RunStatus, Sandbox

MOST_A_DAY = 10
_DAY = timedelta(days=1)


class ApplicationClosed(Problem):
    """A refused application has nothing to examine."""

    status, code = 409, "application_closed"


class NoSandbox(Problem):
    status, code = 409, "no_sandbox"


class NoSandboxAccounts(Problem):
    """So few numbers fit the declaration that no accounts can be invented."""

    status, code = 422, "no_sandbox_accounts"


class ConformanceRunOpen(Problem):
    """One run at a time."""

    status, code = 409, "conformance_run_open"


class TooManyConformanceRuns(Problem):
    status, code = 429, "too_many_conformance_runs"

    def __init__(self, free_at: datetime) -> None:
        super().__init__(most=MOST_A_DAY)
        self.headers = {"Retry-After": str(max(1, math.ceil((free_at - now()).total_seconds())))}


class RestartNotAwaited(Problem):
    """The run does not wait for a restart, or waits no more."""

    status, code = 409, "restart_not_awaited"


async def sandbox_of(tx: AsyncSession, application_id: UUID) -> schemas.ProviderSandbox:
    """The sandbox of an application.

    Raises:
        NoSandbox
    """
    sandbox = await tx.get(Sandbox, application_id)
    if sandbox is None:
        raise NoSandbox
    return presenters.shown_sandbox(sandbox)


async def name_sandbox(tx: AsyncSession, application_id: UUID, endpoint_url: str) -> schemas.ProviderSandbox:
    """Name or move the sandbox; its accounts follow what the company declares of its numbers now.

    Raises:
        NotFound, ApplicationClosed, NoSandboxAccounts
    """
    application = await _open(tx, application_id)
    provider = await tx.get(Provider, application_id)
    declared = (provider or application).customer_parameters
    found = roster.invented(application_id, CustomerParameters.model_validate(declared))
    if found is None:
        raise NoSandboxAccounts
    accounts, unknown = found
    row = {
        "endpoint_url": endpoint_url,
        "accounts": accounts,
        "unknown_account": unknown,
        "bills": invented_bills(new_id(), accounts, now()),
        "named_at": now(),
    }
    named = insert(Sandbox).values(application_id=application_id, **row)
    await tx.execute(named.on_conflict_do_update(index_elements=[Sandbox.application_id], set_=row))
    sandbox = await tx.get_one(Sandbox, application_id, populate_existing=True)
    return presenters.shown_sandbox(sandbox)


async def start(
    tx: AsyncSession, application_id: UUID, started_by: Caller | None, language: str
) -> schemas.ConformanceRun:
    """Queue a run; the worker begins it within seconds.

    Raises:
        NotFound, ApplicationClosed, NoSandbox, ConformanceRunOpen, TooManyConformanceRuns
    """
    application = await _open(tx, application_id)
    sandbox = await tx.get(Sandbox, application_id)
    if sandbox is None or not sandbox.bills:
        raise NoSandbox
    await _require_free(tx, application_id)
    run = ConformanceRun(
        application_id=application_id,
        endpoint_url=sandbox.endpoint_url,
        accounts=sandbox.accounts,
        unknown_account=sandbox.unknown_account,
        bills=sandbox.bills,
        stated_terms=application.terms.model_dump(mode="json"),
        application_revision=application.revision,
        started_by=started_by.id if started_by else None,
    )
    tx.add(run)
    sandbox.bills = invented_bills(new_id(), sandbox.accounts, now())
    await tx.flush()
    return presenters.shown(run, language)


async def resume(tx: AsyncSession, application_id: UUID, run_id: UUID, language: str) -> schemas.ConformanceRun:
    """Go on after the company has restarted its sandbox.

    Raises:
        NotFound, RestartNotAwaited
    """
    run = await _run(tx, application_id, run_id, is_locked=True)
    if run.status != RunStatus.AWAITING_RESTART or run.try_at <= now():
        raise RestartNotAwaited
    run.move_to(RunStatus.RESUMED)
    run.try_at = now()
    await tx.flush()
    return presenters.shown(run, language)


async def run_of(tx: AsyncSession, application_id: UUID, run_id: UUID, language: str) -> schemas.ConformanceRun:
    """A run with its report.

    Raises:
        NotFound
    """
    return presenters.shown(await _run(tx, application_id, run_id), language)


async def _require_free(tx: AsyncSession, application_id: UUID) -> None:
    """Refuse a run beside an open one, however old that is, and more than some in a day."""
    own = ConformanceRun.application_id == application_id
    if await tx.scalar(select(ConformanceRun.id).where(own, ConformanceRun.status.not_in(ENDED))):
        raise ConformanceRunOpen
    recent = select(ConformanceRun.created_at).where(own, ConformanceRun.created_at > now() - _DAY)
    made = (await tx.scalars(recent.order_by(ConformanceRun.created_at.desc()).limit(MOST_A_DAY))).all()
    if len(made) == MOST_A_DAY:
        raise TooManyConformanceRuns(made[-1] + _DAY)


async def _run(tx: AsyncSession, application_id: UUID, run_id: UUID, *, is_locked: bool = False) -> ConformanceRun:
    run = await tx.get(ConformanceRun, run_id, with_for_update=is_locked or None)
    if run is None or run.application_id != application_id:
        raise NotFound
    return run


async def _open(tx: AsyncSession, application_id: UUID) -> ProviderApplication:
    """The application, locked: of two starts at once the second one sees the first one's run."""
    application = await tx.get(ProviderApplication, application_id, with_for_update=True, populate_existing=True)
    if application is None:
        raise NotFound
    if application.status == ApplicationStatus.REFUSED:
        raise ApplicationClosed
    return application
