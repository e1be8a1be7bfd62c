from chassis.problems import Problem


class PaperNotFound(Problem):
    """No paper has this verification code, for whatever reason: a guess learns nothing from the answer."""

    status, code = 404, "paper_not_found"


class TooManyPaperChecks(Problem):
    """Too many wrong codes came from this network address."""

    status, code = 429, "too_many_paper_checks"
