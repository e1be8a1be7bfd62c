"""What becomes of the fee of a case at its steps. Callers hold the lock on the case, which comes before its fees."""

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.problems import Problem
from kit.calendar import working_day_after
from svc_services.cases.applications.models import Application, ApplicationStep
from svc_services.cases.fees.events import ApplicationFeeQuoted, ApplicationFeeWithdrawn
from svc_services.cases.fees.models import ApplicationFee, FeeStatus
from svc_services.cases.workflows.definition import Actor, WorkflowDefinition


class FeeBeingPaid(Problem):
    """The applicant is paying the fee just now; another quote waits until that has ended."""

    status, code = 409, "fee_being_paid"


async def follow(tx: AsyncSession, case: Application, rules: WorkflowDefinition, step: ApplicationStep) -> None:
    """Ask for the fee that a step has quoted; withdraw one that the case went on without.

    Raises:
        FeeBeingPaid: a new quote would replace a fee that is being paid.
    """
    paying = rules.payment(step.to_state) is not None
    quoted = paying and step.amount_fen is not None
    asked = await of_case(tx, case.id)
    if asked and step.actor == Actor.PAYMENT:
        asked.used_at = now()
    elif asked and quoted and asked.status == FeeStatus.PAYING:
        raise FeeBeingPaid
    elif asked and (quoted or not paying):
        asked.withdrawn_at = now()
        await emit(tx, ApplicationFeeWithdrawn(**_of(asked, case)))
    await tx.flush()
    if quoted and step.amount_fen:
        fee = ApplicationFee(application_id=case.id, amount_fen=step.amount_fen, payable_until=_last_day(case, rules))
        tx.add(fee)
        await tx.flush()
        await emit(tx, ApplicationFeeQuoted(**_of(fee, case), payable_until=fee.payable_until))


async def of_case(tx: AsyncSession, application_id: UUID) -> ApplicationFee | None:
    """The fee that an applicant is asked for now, locked."""
    asked = select(ApplicationFee).where(
        ApplicationFee.application_id == application_id,
        ApplicationFee.withdrawn_at.is_(None),
        ApplicationFee.used_at.is_(None),
    )
    found: ApplicationFee | None = await tx.scalar(asked.with_for_update().execution_options(populate_existing=True))
    return found


async def is_being_paid(tx: AsyncSession, application_id: UUID) -> bool:
    fee = await of_case(tx, application_id)
    return fee is not None and fee.status == FeeStatus.PAYING


async def newest(tx: AsyncSession, application_id: UUID) -> ApplicationFee | None:
    of_application = select(ApplicationFee).where(ApplicationFee.application_id == application_id)
    found: ApplicationFee | None = await tx.scalar(of_application.order_by(ApplicationFee.id.desc()).limit(1))
    return found


def _of(fee: ApplicationFee, case: Application) -> dict[str, UUID | int]:
    return {
        "fee_id": fee.id,
        "application_id": case.id,
        "person_id": case.person_id,
        "provider_id": case.provider_id,
        "amount_fen": fee.amount_fen,
    }


def _last_day(case: Application, rules: WorkflowDefinition) -> date | None:
    """The last day on which the case can still wait for the payment, through all states in which it may.

    The case lapses earlier where the state that it stays in has less time: the withdrawal voids the bill then.
    """
    waiting = [state for state in rules.states if rules.payment(state.name)]
    if case.counted_to is None or any(state.limit_days is None for state in waiting):
        return None
    left = sum((state.limit_days or 0) - case.state_days.get(state.name, 0) for state in waiting)
    return working_day_after(case.counted_to, max(left, 0))
