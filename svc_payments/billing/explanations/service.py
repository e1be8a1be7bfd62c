"""How a bill follows from the published tariffs of its provider, of either shape."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import DEFAULT_LANGUAGE
from chassis.text import nearest_tag
from svc_payments.billing.bills.explanation import explanation_of
from svc_payments.billing.bills.models import Bill, BillKind
from svc_payments.billing.bills.queries import tariffs_for
from svc_payments.billing.bills.schemas import Explanation, FittingTariff
from svc_payments.billing.bills.service import show_bills, visible_bill
from svc_payments.billing.explanations import schemas
from svc_payments.billing.explanations.candidates import Candidate, candidates_of
from svc_payments.billing.explanations.queries import MOST_PLANS, earlier_bills, versions_for
from svc_payments.parties.tariff_plans.models import TariffPlan


async def explained_bill(tx: AsyncSession, caller: Caller, bill_id: UUID, language: str) -> schemas.ExplainedBill:
    """One bill with its explanation.

    Raises:
        NotFound: there is none, or it is neither on an account of this resident nor of this provider.
    """
    bill = await visible_bill(tx, caller, bill_id)
    by_tiers = explanation_of(bill, await tariffs_for(tx, bill))
    by_plan = await _by_plan(tx, caller, bill, by_tiers, language)
    (shown,) = await show_bills(tx, [bill])
    unknown = by_tiers is None and by_plan is None and _states(bill)
    return schemas.ExplainedBill(
        **dict(shown), explanation=by_tiers, plan_explanation=by_plan, stated_tariff_unknown=unknown
    )


async def _by_plan(
    tx: AsyncSession, caller: Caller, bill: Bill, by_tiers: Explanation | None, language: str
) -> schemas.PlanExplanation | None:
    if bill.kind != BillKind.REGULAR or (bill.tariff_id and by_tiers):
        return None
    versions = await versions_for(tx, bill)
    if not versions:
        return None
    if len({(each.customer_class, each.code) for each in versions}) > MOST_PLANS:
        return schemas.PlanExplanation(outcome="too_many", stated=_states(bill), plan=None, candidates=[])
    found = candidates_of(bill, versions, await earlier_bills(tx, caller, bill))
    if bill.tariff_id and bill.tariff_id not in {each.tariff_id for one in found for each in one.applied}:
        return schemas.PlanExplanation(outcome="not_in_force", stated=True, plan=None, candidates=[])
    return _explanation(bill, found, by_tiers, language) if found else None


def _explanation(
    bill: Bill, found: Sequence[Candidate], by_tiers: Explanation | None, language: str
) -> schemas.PlanExplanation:
    """The one plan that yields the amount, or the only one there is; of several none is chosen."""
    candidates = [_listed(bill, each) for each in found]
    fitting = [each for each in found if _difference(bill, each) == 0]
    other = [_tiers_listed(by_tiers)] if by_tiers and by_tiers.difference_fen == 0 else []
    if by_tiers and other:
        by_tiers.also_fits += [_also_fits(bill, each.plan) for each in fitting]
    only = (fitting if len(fitting) == 1 else found)[0] if not other and 1 in {len(fitting), len(found)} else None
    return schemas.PlanExplanation(
        outcome=_outcome(bill, fitting, only, [*candidates, *other]),
        stated=_states(bill),
        plan=_shown(bill, only, language) if only and only.explanation else None,
        candidates=[*candidates, *other],
    )


def _outcome(
    bill: Bill, fitting: Sequence[Candidate], only: Candidate | None, candidates: Sequence[schemas.PlanCandidate]
) -> str:
    if only and only.explanation:
        return "explained" if _difference(bill, only) == 0 else "differs"
    if not fitting and all(each.difference_fen is None for each in candidates):
        return "incomplete"
    return "ambiguous"


def _states(bill: Bill) -> bool:
    return any((bill.customer_class, bill.unit, bill.tariff_id))


def _difference(bill: Bill, candidate: Candidate) -> int | None:
    return bill.amount_fen - candidate.explanation.total_fen if candidate.explanation else None


def _listed(bill: Bill, candidate: Candidate) -> schemas.PlanCandidate:
    plan, explanation = candidate.plan, candidate.explanation
    return schemas.PlanCandidate(
        tariff_id=plan.tariff_id,
        customer_class=plan.customer_class,
        code=plan.code,
        total_fen=explanation.total_fen if explanation else None,
        difference_fen=_difference(bill, candidate),
        missing=candidate.missing,
    )


def _tiers_listed(by_tiers: Explanation) -> schemas.PlanCandidate:
    total = sum(line.amount_fen for line in by_tiers.lines) + by_tiers.fixed_fee_fen
    return schemas.PlanCandidate(
        tariff_id=by_tiers.tariff_id,
        customer_class=by_tiers.customer_class,
        code=None,
        total_fen=total,
        difference_fen=0,
        missing=None,
    )


def _also_fits(bill: Bill, plan: TariffPlan) -> FittingTariff:
    unit = bill.unit or next(iter(plan.measures), "")
    return FittingTariff(tariff_id=plan.tariff_id, customer_class=plan.customer_class, unit=unit)


def _shown(bill: Bill, candidate: Candidate, language: str) -> schemas.ShownPlan | None:
    plan, explanation = candidate.plan, candidate.explanation
    if explanation is None:
        return None
    return schemas.ShownPlan(
        tariff_id=plan.tariff_id,
        customer_class=plan.customer_class,
        code=plan.code,
        name=plan.name[nearest_tag(language, plan.name.keys()) or DEFAULT_LANGUAGE],
        applied=[
            schemas.AppliedPlan(tariff_id=each.tariff_id, effective_from=each.effective_from)
            for each in candidate.applied
        ],
        lines=[schemas.line_of(line, language) for line in explanation.lines],
        total_fen=explanation.total_fen,
        difference_fen=bill.amount_fen - explanation.total_fen,
        unknown_months=candidate.unknown_months,
        household_unknown=candidate.household_unknown,
    )
