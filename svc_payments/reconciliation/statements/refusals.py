"""Why a whole statement is refused; nothing of it is kept."""

from enum import StrEnum
from typing import Any

from chassis.problems import Problem, Values, words


class Fault(StrEnum):
    """What is wrong with a line; the words are in `messages/` under `statement_fault`."""

    AMOUNT = "bad_amount"
    NOT_POSITIVE = "amount_not_positive"
    SUM = "wrong_sum"
    """An amount is not the sum of others in its line."""
    COUNT = "bad_count"
    TIME = "bad_time"
    NUMBER = "bad_number"
    VALUE = "unknown_value"
    COLUMN_MISSING = "column_missing"
    COLUMN_TWICE = "column_twice"
    VALUE_MISSING = "value_missing"
    VALUE_BEYOND = "value_beyond"
    AFTER_TOTALS = "after_totals"
    LINE_TOO_LONG = "line_too_long"
    LINE = "bad_line"
    TOO_MUCH = "too_much"
    """The amounts up to this line add up to more than all the money there is."""


class StatementMalformed(Problem):
    """Line `row` is not as the layout has it, for a `reason`; `column` is the name or place of the value at fault."""

    status, code = 422, "statement_malformed"

    def __init__(self, reason: Fault, row: int, column: str | None = None) -> None:
        super().__init__(row=row, reason=reason, **({} if column is None else {"column": column}))

    def render(self, language: str) -> dict[str, Any]:
        said = words("statement_fault", "svc_payments", language)
        place = said["value" if "column" in self.values else "line"].format_map(Values(self.values, language))
        detail = words(self.code, "svc_payments", language)["detail"]
        return super().render(language) | {"detail": detail.format(where=place, what=said[self.values["reason"]])}


class StatementTruncated(Problem):
    """The totals with which every whole file ends are missing."""

    status, code = 422, "statement_truncated"


class StatementTotalsDiffer(Problem):
    """The file's own totals are not those of its lines: `total` says which."""

    status, code = 422, "statement_totals_differ"


class StatementOfOtherDay(Problem):
    status, code = 422, "statement_of_other_day"


class StatementOfOtherMerchant(Problem):
    status, code = 422, "statement_of_other_merchant"


class StatementLineTwice(Problem):
    """The movement of line `row` is in the file already."""

    status, code = 422, "statement_line_twice"


class StatementOfDayToCome(Problem):
    status, code = 422, "statement_of_day_to_come"


class NoSuchLayout(Problem):
    """Statements of this channel are not known here."""

    status, code = 422, "statement_layout_unknown"
