from chassis.problems import Problem


class CounterCodeUnknown(Problem):
    """No open offer has this code, or somebody else has opened it first, or its time is over."""

    status, code = 404, "counter_code_unknown"


class FilingNotPossible(Problem):
    """The filing is at another stage."""

    status, code = 409, "filing_not_possible"


class MatchNumberWrong(Problem):
    """The clerk has typed another number than the person's phone shows; the fifth time ends the offer."""

    status, code = 409, "match_number_wrong"


class FilingChanged(Problem):
    """What the person has read is not what would be filed."""

    status, code = 409, "filing_changed"


class OfferOver(Problem):
    """The time to confirm is over."""

    status, code = 409, "offer_over"


class MaterialElsewhere(Problem):
    """A file belongs to one filing."""

    status, code = 409, "material_elsewhere"


class TooManyFilings(Problem):
    status, code = 409, "too_many_filings"
