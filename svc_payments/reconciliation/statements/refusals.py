"""Why a whole statement is refused; nothing of it is kept."""

from chassis.problems import Problem


class StatementMalformed(Problem):
    """Line `row` is not as the layout has it."""

    status, code = 422, "statement_malformed"


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
    """The same movement is in the file twice."""

    status, code = 422, "statement_line_twice"


class StatementOfDayToCome(Problem):
    status, code = 422, "statement_of_day_to_come"


class NoSuchLayout(Problem):
    """Statements of this channel are not known here."""

    status, code = 422, "statement_layout_unknown"
