import math
from datetime import datetime

from chassis.db import now
from chassis.problems import Problem


class PaperNotFound(Problem):
    """No paper has this verification code, for whatever reason: a guess learns nothing from the answer."""

    status, code = 404, "paper_not_found"


class TooManyPaperChecks(Problem):
    """Too many wrong codes came from this network address."""

    status, code = 429, "too_many_paper_checks"

    def __init__(self, free_at: datetime) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(max(1, math.ceil((free_at - now()).total_seconds())))}
