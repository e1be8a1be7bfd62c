"""Late fees in whole fen: integers only, so that every process computes the same fen.

The fee of an amount is what that amount owes for the days it was late, whatever else of its bill was paid before or
comes later. So a bill paid in parts needs no history: each part bears the fee of its own days.
"""

from datetime import date

from svc_payments.billing.terms.terms import WHOLE, LateFee, Rounding


def late_fee(rule: LateFee | None, owed_fen: int, due_date: date, day: date) -> int:
    """The late fee of an amount that was due on one day and is paid on another.

    It never falls as days go by or with a larger amount, and is never above the cap.
    """
    days = (day - due_date).days - (rule.grace_days if rule else 0)
    if rule is None or days <= 0:
        return 0
    whole, rest = divmod(owed_fen * rule.daily_ten_thousandths * days, WHOLE)
    up = {Rounding.DOWN: False, Rounding.UP: rest > 0, Rounding.HALF_UP: 2 * rest >= WHOLE}[Rounding(rule.rounding)]
    return min(whole + up, owed_fen * rule.most_basis_points // WHOLE)


def owed_of(rule: LateFee | None, amount_fen: int, due_date: date, day: date) -> int:
    """How much of what was owed a sum pays, the rest of the sum being its late fee.

    It is the smallest amount that with its fee comes to the sum. Where rounding leaves no amount that comes to it
    exactly, the payer is charged the fen less.
    """
    least, most = 1, amount_fen
    while least < most:
        middle = (least + most) // 2
        if middle + late_fee(rule, middle, due_date, day) >= amount_fen:
            most = middle
        else:
            least = middle + 1
    return least
