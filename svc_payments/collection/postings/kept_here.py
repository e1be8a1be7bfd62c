from svc_payments.collection.postings.models import Posting
from svc_payments.collection.postings.provider import Booked, Cancelled, NotFound, Outcome


class BooksKeptHere:
    """The books of a payee, which has no system to book in: the app's server asks here what was paid."""

    async def book(self, posting: Posting) -> Outcome:
        return Booked(posting.id.hex)

    async def query(self, posting: Posting) -> Outcome:  # noqa: ARG002 - the protocol's signature
        return NotFound()

    async def cancel(self, posting: Posting) -> Outcome:  # noqa: ARG002 - the protocol's signature
        return Cancelled()
