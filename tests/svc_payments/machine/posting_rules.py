"""The rules of postings: delivery, the answer limit, and tokens already handed out."""

from hypothesis.stateful import precondition, rule

from tests.svc_payments.machine.base import BaseRules, lines, places
from tests.svc_payments.machine.deployment import LATER, PATIENCE_SECONDS
from tests.svc_payments.machine.entities import Line, Posting

OPEN = {"pending", "unknown", "cancelling"}


class PostingRules(BaseRules):
    """Posting to providers."""

    @precondition(lambda self: any(posting.status in OPEN for posting in self.model.postings))
    @rule(line=lines)
    def post(self, line: Line) -> None:
        due = "UPDATE postings SET try_at = now() WHERE status IN ('pending', 'unknown', 'cancelling')"
        self._run(self.story.execute(due))
        self._on(line)
        self._run(self.story.world.deliver_postings(PATIENCE_SECONDS, posting_retry_seconds=LATER))
        self._on(Line.GOOD)
        self.model.post(line)

    @precondition(lambda self: self.model.postings)
    @rule(place=places)
    def limit_passes(self, place: int) -> None:
        """The time limit of an unanswered posting passes."""
        self._pass_limit(self.model.postings[place % len(self.model.postings)])

    def _pass_limit(self, posting: Posting) -> None:
        posting.overdue = True
        self._run(
            self.story.execute(
                "UPDATE postings SET created_at = created_at - interval '2 days' WHERE id = CAST(:id AS uuid)",
                id=self._number_of(posting),
            )
        )

    @precondition(lambda self: any(posting.theirs == "booked" for posting in self.model.postings))
    @rule(place=places)
    def something_is_handed_out(self, place: int) -> None:
        """The provider hands out a prepaid token, so it refuses to cancel the booking."""
        booked = [posting for posting in self.model.postings if posting.theirs == "booked"]
        self._hand_out(booked[place % len(booked)])

    def _hand_out(self, posting: Posting) -> None:
        given = "UPDATE postings SET prepaid_kind = 'token', prepaid_token = posting_id WHERE posting_id = ?"
        self.deployment.company.books._db.execute(given, (self._number_of(posting),))  # noqa: SLF001 - as no regular bill has it
        posting.kept_there = True
