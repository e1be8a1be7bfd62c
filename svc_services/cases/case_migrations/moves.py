"""Moving the open cases of a version to another one, with the clock as it stands."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.problems import NotFound
from kit.calendar import today
from svc_services.calendar.days.queries import calendar_of
from svc_services.cases.applications import clock, engine
from svc_services.cases.applications.engine import Migrating
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus, MoveCause
from svc_services.cases.applications.telling import tell_flag
from svc_services.cases.case_migrations.models import CaseMigration, MigratedCase, MigrationStatus
from svc_services.cases.case_migrations.schemas import CaseMigrationPreview, MigratingState, StayingCases, StayReason
from svc_services.cases.fees import service as fees
from svc_services.cases.fees.models import ApplicationFee
from svc_services.cases.workflows.definition import MIGRATE, AccountRule, Actor, WorkflowDefinition
from svc_services.cases.workflows.models import Workflow

BATCH = 20
"""Cases in a transaction: whoever acts on one of them waits that long at most."""


class NotApprovedError(Exception):
    """Only what a second operator has approved is carried out."""


@dataclass(frozen=True)
class Plan:
    """A migration with both versions."""

    migration: CaseMigration
    source: WorkflowDefinition
    target: WorkflowDefinition

    @classmethod
    async def of(cls, tx: AsyncSession, migration_id: UUID) -> "Plan":
        """Read a migration.

        Raises:
            NotFound
        """
        migration = await tx.get(CaseMigration, migration_id)
        if migration is None:
            raise NotFound
        source = await tx.get_one(Workflow, migration.from_workflow_id)
        target = await tx.get_one(Workflow, migration.to_workflow_id)
        return cls(migration, source.rules, target.rules)

    def counterpart(self, state: str) -> str | None:
        """The state of the target; None where cases stay."""
        return self.migration.state_names.get(state, state)

    def staying(self, state: str, *, fee: bool, account: bool) -> StayReason | None:
        """Why a case does not move; None if it does."""
        to = self.counterpart(state)
        if to is None:
            return StayReason.STATE_LEFT
        if fee and self.target.payment(to) is None:
            return StayReason.PAYMENT_MISSING
        if not account and self.target.account == AccountRule.BOUND:
            return StayReason.ACCOUNT_MISSING
        return None


async def preview(tx: AsyncSession, migration_id: UUID) -> CaseMigrationPreview:
    """What the migration would do to the open cases as they are now."""
    plan = await Plan.of(tx, migration_id)
    states: dict[str, MigratingState] = {}
    for name, fee, account, cases, late in await tx.execute(_counted(plan)):
        state = str(name)
        found = states.setdefault(
            state,
            MigratingState(from_state=state, to_state=plan.counterpart(state), moving=0, late_at_once=0, staying=[]),
        )
        if reason := plan.staying(state, fee=fee, account=account):
            found.staying.append(StayingCases(reason=reason, cases=cases))
        else:
            found.moving, found.late_at_once = found.moving + cases, found.late_at_once + late
    return CaseMigrationPreview(
        migration_id=migration_id,
        moving=sum(each.moving for each in states.values()),
        staying=sum(staying.cases for each in states.values() for staying in each.staying),
        states=list(states.values()),
    )


async def carry_out(database: Database, migration_id: UUID) -> int:
    """Move the cases, some in each transaction, so that an interrupted run goes on where it was. Returns how many.

    Raises:
        NotFound, NotApprovedError
    """
    async with database.read() as tx:
        plan = await Plan.of(tx, migration_id)
    if plan.migration.status != MigrationStatus.APPROVED:
        raise NotApprovedError
    moved = 0
    while passed := await _pass(database, plan):  # once more: a case may have been opened again behind us
        moved += passed
    return moved


async def _pass(database: Database, plan: Plan) -> int:
    moved, last = 0, UUID(int=0)
    while True:
        async with database.transaction() as tx:
            some = _open(plan).where(Application.id > last).order_by(Application.id).limit(BATCH)
            ids = (await tx.scalars(some.with_only_columns(Application.id))).all()
            for each in ids:
                moved += await _move(tx, plan, each)
        if not ids:
            return moved
        last = ids[-1]


async def _move(tx: AsyncSession, plan: Plan, application_id: UUID) -> bool:
    """Move one case, if it is still there when its lock is ours."""
    found = await tx.get_one(Application, application_id, with_for_update=True, populate_existing=True)
    if found.workflow_id != plan.migration.from_workflow_id or found.status != CaseStatus.OPEN:
        return False
    state, fee = str(found.state), await fees.of_case(tx, found.id) is not None
    to = plan.counterpart(state)
    if to is None or plan.staying(state, fee=fee, account=found.account_number is not None):
        return False
    await _count(tx, found, plan.source)
    flag, promised = (found.flag, found.level), found.promised_on
    step = ApplicationStep(
        application_id=found.id,
        action=MIGRATE,
        actor=Actor.SYSTEM,
        reason=plan.migration.reason["zh"],
        taken_at=now(),
    )
    found.workflow_id = plan.migration.to_workflow_id
    migrating = Migrating(plan.migration.id, plan.migration.state_names)
    await engine.advance(tx, found, plan.target, to, step, migrating=migrating)
    tx.add(
        MigratedCase(
            migration_id=plan.migration.id,
            application_id=found.id,
            position=step.position,
            from_state=state,
            to_state=to,
            consumed_days=found.consumed_days,
            promised_before=promised,
            promised_after=found.promised_on,
        )
    )
    await tell_flag(tx, found, flag)
    return True


async def _count(tx: AsyncSession, found: Application, rules: WorkflowDefinition) -> None:
    """Count the days by the version that the case leaves: what moves its promise after that is the migration alone."""
    promised, calendar = found.promised_on, await calendar_of(tx)
    clock.settle(found, today(), calendar)
    clock.wind(found, rules, calendar)
    engine.note_move(tx, found, promised, MoveCause.CALENDAR)


def _open(plan: Plan) -> Select[Application]:
    return select(Application).where(
        Application.workflow_id == plan.migration.from_workflow_id, Application.status == CaseStatus.OPEN
    )


def _counted(plan: Plan) -> Select[str | None, bool, bool, int, int]:
    """Open cases by what decides whether they move, and how many have used up more than the target promises."""
    asked = (
        select(ApplicationFee.id)
        .where(
            ApplicationFee.application_id == Application.id,
            and_(ApplicationFee.withdrawn_at.is_(None), ApplicationFee.used_at.is_(None)),
        )
        .exists()
    )
    which = (Application.state, asked.label("fee"), Application.account_number.is_not(None).label("account"))
    late = func.count(case((Application.consumed_days > plan.target.limit_days, 1)))
    query = _open(plan).with_only_columns(*which, func.count(), late)
    return query.group_by(*which).order_by(*which)
