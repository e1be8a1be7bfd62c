"""Why a row is refused, in words for its provider."""

from collections.abc import Mapping
from enum import StrEnum

from chassis.problems import DEFAULT_LANGUAGE, Values, catalogue
from kit.fields.customer_parameters import CustomerParameters


class Reason(StrEnum):
    """Why a row is refused; the texts are in `messages/` under the same codes."""

    WRONG_COLUMN_COUNT = "wrong_column_count"
    BAD_BILL_NUMBER = "bad_bill_number"
    BAD_ACCOUNT_NUMBER = "bad_account_number"
    BAD_ACCOUNT_CHECK_DIGIT = "bad_account_check_digit"
    BAD_PERIOD = "bad_period"
    FUTURE_PERIOD = "future_period"
    BAD_USAGE = "bad_usage"
    BAD_AMOUNT = "bad_amount"
    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    AMOUNT_TOO_LARGE = "amount_too_large"
    BAD_DUE_DATE = "bad_due_date"
    BAD_METER_READING = "bad_meter_reading"
    BAD_EXPIRY = "bad_expiry"
    BAD_SUPERSEDES = "bad_supersedes"
    BAD_REASON = "bad_reason"
    BAD_TARIFF = "bad_tariff"
    BAD_USAGE_DETAILS = "bad_usage_details"
    BAD_NOTE = "bad_note"
    MERGED_CELLS = "merged_cells"
    VALUE_CHANGED = "value_changed"
    """A spreadsheet rounded a number or turned it into a date; what was typed is lost."""
    FORMULA_WITHOUT_VALUE = "formula_without_value"
    DUPLICATE_IN_FILE = "duplicate_in_file"
    SIMILAR_BILL_NUMBER = "similar_bill_number"
    """Another bill of the account, month and amount has this number but for leading zeros or the case of letters."""
    BILL_ALREADY_PAID = "bill_already_paid"
    BILL_PARTLY_PAID = "bill_partly_paid"
    PAYMENT_IN_PROGRESS = "payment_in_progress"
    BILL_VOID = "bill_void"
    BILL_EXPIRED = "bill_expired"
    BILL_SUPERSEDED = "bill_superseded"
    BILL_NUMBER_RESERVED = "bill_number_reserved"
    SUPERSEDED_UNKNOWN = "superseded_unknown"
    SUPERSEDED_NOT_DUE = "superseded_not_due"


AS_IN_1_0: Mapping[Reason, Reason] = {
    Reason.BAD_EXPIRY: Reason.BAD_DUE_DATE,
    Reason.BAD_SUPERSEDES: Reason.BAD_BILL_NUMBER,
    Reason.BAD_REASON: Reason.WRONG_COLUMN_COUNT,
    Reason.BAD_TARIFF: Reason.WRONG_COLUMN_COUNT,
    Reason.BAD_USAGE_DETAILS: Reason.WRONG_COLUMN_COUNT,
    Reason.BAD_NOTE: Reason.WRONG_COLUMN_COUNT,
    Reason.MERGED_CELLS: Reason.WRONG_COLUMN_COUNT,
    Reason.VALUE_CHANGED: Reason.BAD_BILL_NUMBER,
    Reason.FORMULA_WITHOUT_VALUE: Reason.WRONG_COLUMN_COUNT,
    Reason.SIMILAR_BILL_NUMBER: Reason.DUPLICATE_IN_FILE,
    Reason.BILL_PARTLY_PAID: Reason.BILL_ALREADY_PAID,
    Reason.BILL_VOID: Reason.BILL_ALREADY_PAID,
    Reason.BILL_EXPIRED: Reason.BILL_ALREADY_PAID,
    Reason.BILL_SUPERSEDED: Reason.BILL_ALREADY_PAID,
    Reason.BILL_NUMBER_RESERVED: Reason.BAD_BILL_NUMBER,
    Reason.SUPERSEDED_UNKNOWN: Reason.BAD_BILL_NUMBER,
    Reason.SUPERSEDED_NOT_DUE: Reason.BAD_BILL_NUMBER,
}
"""Contract 1.0.0 promised a closed list of reasons. Its clients get the nearest of them for those added later,
which stand in `code`."""


_STOPS: Mapping[str, str] = {"zh": "。"}
_ABOUT_THE_NUMBER = frozenset({Reason.BAD_ACCOUNT_NUMBER, Reason.BAD_ACCOUNT_CHECK_DIGIT})


def message_of(reason: Reason, language: str, numbers: CustomerParameters, other_number: str | None = None) -> str:
    """A reason in a reader's language, and what to do.

    Args:
        reason: why a row is refused.
        language: the reader's.
        numbers: what the provider's account numbers look like.
        other_number: the number of the bill that it is refused for, if any.
    """
    words = catalogue("svc_payments")
    spoken = words.get(language, {}).get(reason) or words[DEFAULT_LANGUAGE][reason]
    if reason in _ABOUT_THE_NUMBER:
        return spoken["detail"].format_map(numbers.described(language))
    title, stop = spoken["title"], _STOPS.get(language, ". ")
    if other_number:
        title += f" ({Values({'number': other_number}, language)['number']})"
    return f"{title}{stop}{spoken['detail']}"
