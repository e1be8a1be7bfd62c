"""The usage of a bill as a plan needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from kit.tariffs.earlier import counted_from, counts_on, with_earlier
from kit.tariffs.prices import measures_of
from kit.tariffs.rules import Component, TariffRules, UsageComponent
from kit.tariffs.usage import Usage, UsageMissing
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.bills.usage_details import values_stated

_AREA = "m2"


@dataclass(frozen=True)
class Known:
    """The usage of a bill, and what of it is not known."""

    usage: Usage
    unknown_months: list[str]
    """Months before it whose usage counts and of which no bill is known."""


def usage_of(bill: Bill, rules: Sequence[TariffRules]) -> Usage:
    """What a bill states, its one number under the measure that it is of.

    Raises:
        UsageMissing: the unit of the bill, where the plan has several measures.
        UnreadableDetailsError, ValidationError: the bill's details cannot be read, or contradict its usage.
    """
    values = values_stated(bill.usage_details or "", bill.period)
    measures = {measure for each in rules for measure in measures_of(each)}
    left = measures - values["quantities"].keys() - ({_AREA} if "area" in values else set())
    if bill.unit is None and len(left) > 1:
        raise UsageMissing(missing="unit")
    unit = bill.unit if bill.unit in measures else next(iter(left), None)
    if unit == _AREA:
        values.setdefault("area", f"{bill.usage:f}")
    elif unit:
        values["quantities"].setdefault(unit, f"{bill.usage:f}")
    return Usage.model_validate(values)


def known_usage(bill: Bill, rules: Sequence[TariffRules], earlier: Sequence[Bill]) -> Known:
    """The usage of a bill with that of the earlier bills that count for it.

    Raises:
        UsageMissing, UnreadableDetailsError, ValidationError
    """
    usage, components = usage_of(bill, rules), [each for one in rules for each in one.components]
    begin = counted_from(components, usage.first_day)
    if begin is None or _states_before(usage, components):
        return Known(usage, [])
    before = [each for each in (usage_of(one, rules) for one in earlier) if each.first_day < usage.first_day]
    counted = [each for each in before if each.end > begin]
    return Known(with_earlier(usage, components, counted), _months_without(counted, begin, usage.first_day))


def _states_before(usage: Usage, components: Sequence[Component]) -> bool:
    counting = {each.measure for each in components if isinstance(each, UsageComponent) and counts_on(each)}
    return counting <= usage.used_before.keys()


def _months_without(usages: Sequence[Usage], begin: date, end: date) -> list[str]:
    days = (begin + timedelta(days=number) for number in range((end - begin).days))
    missing = [day for day in days if not any(each.first_day <= day <= each.last_day for each in usages)]
    return list(dict.fromkeys(f"{day:%Y-%m}" for day in missing))
