"""How a bill follows from its provider's published tariff, tier by tier; whole fen and decimals only."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from svc_payments.billing.bills.models import Bill
from svc_payments.billing.bills.schemas import Explanation, FittingTariff, TierLine
from svc_payments.parties.providers.models import Tariff

_FEN_PER_YUAN = 100
_ONE = Decimal(1)


def explanation_of(bill: Bill, tariffs: Sequence[Tariff]) -> Explanation | None:
    """The bill explained by the tariff it follows from; by the residential one when it follows from none.

    Where a bill does not say its customer class, any of the provider's classes may be the one it was made by. Of
    several that yield the amount the first is shown, and the others are named.

    Args:
        bill: the bill.
        tariffs: those that it may have been made by, one for each customer class and unit.
    """
    residential_first = sorted(tariffs, key=lambda tariff: tariff.customer_class != "residential")
    explanations = [_by(tariff, bill) for tariff in residential_first]
    exact = [explanation for explanation in explanations if explanation.difference_fen == 0]
    shown = next(iter(exact or explanations), None)
    if shown:
        shown.also_fits = [_named(other) for other in exact[1:]]
    return shown


def _named(explanation: Explanation) -> FittingTariff:
    return FittingTariff(
        tariff_id=explanation.tariff_id, customer_class=explanation.customer_class, unit=explanation.unit
    )


def _by(tariff: Tariff, bill: Bill) -> Explanation:
    lines = tier_lines(tariff, bill.usage)
    explained = sum(line.amount_fen for line in lines) + tariff.fixed_fee_fen
    return Explanation(
        tariff_id=tariff.tariff_id,
        customer_class=tariff.customer_class,
        unit=tariff.unit,
        effective_from=tariff.effective_from,
        lines=lines,
        fixed_fee_fen=tariff.fixed_fee_fen,
        difference_fen=bill.amount_fen - explained,
        stated=any((bill.customer_class, bill.unit, bill.tariff_id)),
        also_fits=[],
    )


def tier_lines(tariff: Tariff, usage: Decimal) -> list[TierLine]:
    """The tiers this usage reaches; each is rounded half up to whole fen separately, as providers print them."""
    lines: list[TierLine] = []
    begun = Decimal(0)
    for number, tier in enumerate(tariff.tiers, 1):
        up_to = None if tier["up_to"] is None else Decimal(tier["up_to"])
        quantity = (usage if up_to is None else min(usage, up_to)) - begun
        if quantity <= 0:
            break
        unit_price = Decimal(tier["unit_price"])
        fen = (quantity * unit_price * _FEN_PER_YUAN).quantize(_ONE, ROUND_HALF_UP)
        lines.append(TierLine(tier=number, quantity=quantity, unit_price=unit_price, amount_fen=int(fen)))
        begun += quantity
    return lines
