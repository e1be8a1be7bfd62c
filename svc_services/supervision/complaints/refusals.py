import math
from datetime import datetime

from chassis.db import now
from chassis.problems import Problem


class ComplaintOpenAlready(Problem):
    """The complainant has an open complaint about the same thing."""

    status, code = 409, "complaint_open_already"


class ComplaintOver(Problem):
    """Nothing is added to a complaint that has ended."""

    status, code = 409, "complaint_over"


class TooManyOpenComplaints(Problem):
    status, code = 409, "too_many_open_complaints"


class TooManyComplaints(Problem):
    status, code = 429, "too_many_complaints"

    def __init__(self, most: int, free_at: datetime) -> None:
        super().__init__(most=most)
        self.headers = {"Retry-After": str(max(1, math.ceil((free_at - now()).total_seconds())))}


class DisputedAlready(Problem):
    """An answer is disputed once; the next one stands."""

    status, code = 409, "complaint_disputed_already"


class DisputeTooLate(Problem):
    status, code = 409, "complaint_dispute_too_late"


class ReopenedAlready(Problem):
    status, code = 409, "complaint_reopened_already"


class ReopenTooLate(Problem):
    status, code = 409, "complaint_reopen_too_late"


class ComplaintNotYours(Problem):
    """Somebody else answers this complaint."""

    status, code = 403, "complaint_not_yours"


class ProviderNeeded(Problem):
    """The hotline named no provider: who accepts the complaint does."""

    status, code = 422, "complaint_provider_needed"


class ProviderNamedAlready(Problem):
    """The complaint names its provider, and nobody changes whom it is about."""

    status, code = 422, "complaint_provider_named_already"
