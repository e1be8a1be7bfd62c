"""Runs: requested, begun under a lock, and finished in one transaction with the discrepancies they open and close."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.outbox import emit
from chassis.problems import Problem
from svc_payments.reconciliation.discrepancies import service as cases
from svc_payments.reconciliation.discrepancies.models import Discrepancy
from svc_payments.reconciliation.runs import matcher
from svc_payments.reconciliation.runs.events import ReconciliationFinished
from svc_payments.reconciliation.runs.matcher import Day
from svc_payments.reconciliation.runs.models import DIFFERENCES, Finding, Phase, Result, Run
from svc_payments.reconciliation.statements import service as statements
from svc_payments.reconciliation.statements.models import Source
from svc_payments.reconciliation.statements.service import Counterparty
from svc_payments.settings import Settings

MOST_DIFFERENCES = 10_000
"""More than people could clear up: the file is another day's or merchant's, or the ledger is incomplete."""
_UNDER_WAY = (Phase.MATCHING, Phase.JUDGING, Phase.SETTLING)
_ENDED = (Phase.FINISHED, Phase.FAILED)

Report = Callable[[Run], Awaitable[None]]
"""Receives a run at the beginning of each phase and at its end."""


class StatementMissing(Problem):
    """There is no statement of the day to reconcile."""

    status, code = 409, "statement_missing"


class RunUnderWay(Problem):
    """Another run of the same channel or provider has not ended."""

    status, code = 409, "run_under_way"


class TooManyDifferences(Problem):
    status, code = 409, "too_many_differences"


async def request(tx: AsyncSession, counterparty: Counterparty, day: date, requested_by: str) -> Run:
    """Request a run, which a worker carries out. A repeated request before that returns the same run.

    Raises:
        StatementMissing: there is nothing to compare with.
    """
    if await statements.current(tx, counterparty, day) is None:
        raise StatementMissing(day=day.isoformat())
    waiting = select(Run).where(
        Run.source == counterparty.source,
        Run.holder == counterparty.holder,
        Run.day == day,
        Run.phase == Phase.REQUESTED,
    )
    if run := await tx.scalar(waiting.limit(1)):
        return run
    run = Run(id=new_id(), source=counterparty.source, holder=counterparty.holder, day=day, requested_by=requested_by)
    tx.add(run)
    await tx.flush()
    await tx.refresh(run)
    return run


async def request_again(
    tx: AsyncSession, counterparty: Counterparty, newest: date, days: int, requested_by: str
) -> None:
    """Request runs of recent days with open cases: later statements may resolve them."""
    for day in await cases.days_with_unclosed(tx, counterparty, newest - timedelta(days=days), newest):
        if await statements.current(tx, counterparty, day):
            await request(tx, counterparty, day, requested_by)


async def next_requested(tx: AsyncSession) -> UUID | None:
    found: UUID | None = await tx.scalar(select(Run.id).where(Run.phase == Phase.REQUESTED).order_by(Run.id).limit(1))
    return found


async def _no_progress(_: Run) -> None:
    return


async def carry_out(database: Database, settings: Settings, run_id: UUID, report: Report = _no_progress) -> Run:
    """Carry out a requested run. A failure is recorded in the run and raised.

    Raises:
        RunUnderWay: another run of the same counterparty is running; this one stays requested.
        StatementMissing, TooManyDifferences: it failed.
    """
    try:
        async with database.transaction() as tx:
            run = await _begin(tx, database, run_id)
            if run.phase not in _ENDED:  # as it may be when another worker was quicker
                await _work(tx, _Progress(database, run, report), run, settings)
    except RunUnderWay:
        raise
    except Exception as error:
        async with database.transaction() as tx:
            failure = error.code if isinstance(error, Problem) else type(error).__name__
            await tx.execute(update(Run).where(Run.id == run_id).values(phase=Phase.FAILED, failure=failure))
        raise
    await report(run)
    return run


class _Progress:
    """Records the progress of a run in transactions of its own: the run's own is invisible until it commits."""

    def __init__(self, database: Database, run: Run, report: Report) -> None:
        self._database, self._run, self._report = database, run, report

    async def show(self, phase: Phase, **figures: int) -> None:
        async with self._database.transaction() as tx:
            await tx.execute(update(Run).where(Run.id == self._run.id).values(phase=phase, **figures))
            run = await tx.get_one(Run, self._run.id)
        await self._report(run)


async def _begin(tx: AsyncSession, database: Database, run_id: UUID) -> Run:
    """Take the lock of the run's statements, which `tx` keeps to its end."""
    run = await tx.get_one(Run, run_id)
    lock = func.hashtextextended(f"reconciliation of {run.source} {run.holder}", 0)
    if not await tx.scalar(select(func.pg_try_advisory_xact_lock(lock))):
        raise RunUnderWay
    await tx.refresh(run)
    # No other worker runs here: a run that looks active was cut off.
    cut_off = update(Run).where(
        Run.source == run.source, Run.holder == run.holder, Run.phase.in_(_UNDER_WAY), Run.id != run.id
    )
    async with database.transaction() as other:
        await other.execute(cut_off.values(phase=Phase.FAILED, failure="cut_off"))
        await other.execute(update(Run).where(Run.id == run.id, Run.started_at.is_(None)).values(started_at=func.now()))
    return run


async def _work(tx: AsyncSession, progress: _Progress, run: Run, settings: Settings) -> None:
    counterparty = Counterparty(Source(run.source), run.holder)
    statement = await statements.current(tx, counterparty, run.day)
    if statement is None:
        raise StatementMissing(day=run.day.isoformat())
    day = Day(run.day, timedelta(seconds=settings.midnight_seconds))
    await progress.show(Phase.MATCHING, lines=statement.lines)
    compared = await matcher.compare(tx, statement, day)
    await progress.show(Phase.JUDGING, movements=compared.movements, matched=compared.matched)
    results = await matcher.judge(tx, statement, day, run.id)
    count = {result: results.get(result, (0, 0))[0] for result in Result}
    if sum(count[result] for result in DIFFERENCES) > MOST_DIFFERENCES:
        raise TooManyDifferences(most=MOST_DIFFERENCES)
    await progress.show(Phase.SETTLING, **{result.value: number for result, number in count.items()})
    await tx.refresh(run)
    run.statement_id = statement.id
    run.difference_fen = sum(results[result][1] for result in DIFFERENCES if result in results)
    await _settle(tx, counterparty, run)


async def _settle(tx: AsyncSession, counterparty: Counterparty, run: Run) -> None:
    """Open and close cases as the findings say; what it means for the ledger comes last."""
    findings = (await tx.scalars(select(Finding).where(Finding.run_id == run.id))).all()
    differences = {(each.number, each.transaction_id): each for each in findings if each.result in DIFFERENCES}
    resolved = await _resolved(tx, counterparty, run, findings, differences)
    run.cases_resolved = len(resolved)
    run.phase = Phase.FINISHED
    run.finished_at = await tx.scalar(select(func.clock_timestamp()))  # now() is when this transaction began
    # A changed difference is a new one: its old case closes before the new one opens.
    await cases.resolve(tx, resolved)
    opened = await cases.open_cases(tx, counterparty, list(differences.values()))
    run.cases_opened = len(opened)
    await emit(tx, _finished(run))
    await cases.book(tx, opened=opened, closed=resolved)


async def _resolved(
    tx: AsyncSession,
    counterparty: Counterparty,
    run: Run,
    findings: Sequence[Finding],
    differences: Mapping[tuple[str, str], Finding],
) -> list[Discrepancy]:
    """Cases of this day, or carried over to it, whose difference has changed."""
    judged = {(each.number, each.transaction_id) for each in findings}
    resolved = []
    for case in await cases.unclosed(tx, counterparty, [run.day, run.day - timedelta(days=1)]):
        key = (case.number, case.transaction_id)
        if case.day != run.day and key not in judged:
            continue
        now = differences.get(key)
        if now is None or (now.result, now.difference_fen) != (case.result, case.difference_fen):
            resolved.append(case)
    return resolved


def _finished(run: Run) -> ReconciliationFinished:
    return ReconciliationFinished(
        run_id=run.id,
        source=run.source,
        party=run.holder,
        day=run.day,
        lines=run.lines,
        movements=run.movements,
        matched=run.matched,
        late=run.late,
        carried_over=run.carried_over,
        excess=run.excess,
        shortage=run.shortage,
        amount_differs=run.amount_differs,
        state_differs=run.state_differs,
        difference_fen=run.difference_fen,
    )
