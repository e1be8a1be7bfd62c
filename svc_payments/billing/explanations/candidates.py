"""What each plan makes of a bill."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from pydantic import ValidationError

from kit.tariffs.engine import NoTariffThen, Version, explain, in_force
from kit.tariffs.lines import Explanation
from kit.tariffs.rules import TariffRules, UsageComponent
from kit.tariffs.usage import UsageMissing
from kit.tariffs.usage_lines import UsageContradictory
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.bills.usage_details import UnreadableDetailsError, usage_stated
from svc_payments.billing.explanations.usage import known_usage
from svc_payments.parties.tariff_plans.models import TariffPlan


@dataclass(frozen=True)
class Candidate:
    """A plan, and what it makes of a bill; or what is missing."""

    applied: Sequence[TariffPlan]
    """The versions in force in the billed days, in order; where that is not known, the latest."""
    explanation: Explanation | None = None
    missing: str | None = None
    unknown_months: list[str] = field(default_factory=list)
    household_unknown: bool = False

    @property
    def plan(self) -> TariffPlan:
        return self.applied[0]


def candidates_of(bill: Bill, versions: Sequence[TariffPlan], earlier: Sequence[Bill]) -> list[Candidate]:
    """Each plan that is in force in the billed days.

    A plan that begins after the first billed day is no candidate, unless the bill names it.
    """
    in_order = sorted(versions, key=lambda each: (each.customer_class, each.code, each.effective_from))
    plans = [[*plan] for _, plan in groupby(in_order, key=lambda each: (each.customer_class, each.code))]
    found = [_candidate(bill, plan, earlier) for plan in plans]
    return [each for each in found if each is not None]


def _candidate(bill: Bill, plan: Sequence[TariffPlan], earlier: Sequence[Bill]) -> Candidate | None:
    try:
        rules = {each.tariff_id: TariffRules.model_validate(each.rules) for each in plan}
    except ValidationError:
        return Candidate(plan[-1:], missing="rules")
    versions = {each.effective_from: each for each in plan}
    dated = [Version(each.effective_from, rules[each.tariff_id]) for each in plan]
    try:
        in_days = in_force(dated, usage_stated(bill.usage_details or "", bill.period))
        applied = [versions[each.effective_from] for each in in_days]
        known = known_usage(bill, [each.rules for each in in_days], earlier)
        explanation = explain(in_days, known.usage)
    except NoTariffThen:
        return None
    except UsageMissing as missing:
        return Candidate(plan[-1:], missing=str(missing.values["missing"]))
    except (UsageContradictory, UnreadableDetailsError, ValidationError):
        return Candidate(plan[-1:], missing="usage_details")
    return Candidate(
        applied,
        explanation,
        unknown_months=known.unknown_months,
        household_unknown=known.usage.persons is None and any(_extends(each.rules) for each in in_days),
    )


def _extends(rules: TariffRules) -> bool:
    """Whether the tiers are those of a number of persons."""
    tiers = [tier for each in rules.components if isinstance(each, UsageComponent) for tier in each.tiers]
    return any(tier.per_extra_person for tier in tiers)
