"""Where a number leads that somebody reads out: each kind of number is looked up through an index of its own."""

from collections.abc import Callable, Iterator
from uuid import UUID

from sqlalchemy import Select, Uuid, literal, null, select

from svc_payments.bills.models import Bill
from svc_payments.channels.provider import ChannelName
from svc_payments.payments.models import Attempt, Payment
from svc_payments.postings.models import Posting
from svc_payments.providers.models import Provider
from svc_payments.receipts.models import Receipt

MOST_OF_A_KIND = 20
"""Hits; an account has a bill for every month."""

Found = Select[str, str, UUID, UUID]
"""(kind, found by, id, payment's id or NULL)"""


def lookups(number: str) -> Iterator[Found]:
    """Queries, one for each way in which this number may be meant."""
    for lookup in _BY_WORD:
        yield lookup(number).limit(MOST_OF_A_KIND)
    if identifier := _uuid(number):
        for by_id in _BY_ID:
            yield by_id(identifier)


def _uuid(number: str) -> UUID | None:
    try:
        return UUID(number)
    except ValueError:
        return None


def _of_payments(found_by: str) -> Found:
    return select(literal("payment"), literal(found_by), Payment.id, Payment.id)


def _of_bills(found_by: str) -> Found:
    # By way of the providers, of which there are few: the indexes on bills begin with them.
    return (
        select(literal("bill"), literal(found_by), Bill.id, null().cast(Uuid))
        .where(Bill.provider_id.in_(select(Provider.provider_id)))
        .order_by(Bill.id.desc())
    )


def _of_postings(found_by: str) -> Found:
    return select(literal("posting"), literal(found_by), Posting.id, Posting.payment_id)


_BY_WORD: tuple[Callable[[str], Found], ...] = (
    lambda number: _of_payments("order_number").join(Attempt).where(Attempt.order_number == number),
    # The index begins with the channel.
    lambda number: (
        _of_payments("transaction_id")
        .join(Attempt)
        .where(Attempt.channel.in_(list(ChannelName)), Attempt.transaction_id == number)
    ),
    lambda number: _of_payments("receipt_number").join(Receipt).where(Receipt.number == number),
    lambda number: _of_bills("bill_number").where(Bill.bill_number == number),
    lambda number: _of_bills("account_number").where(Bill.account_number == number),
    lambda number: _of_postings("provider_reference").where(Posting.provider_reference == number),
)
_BY_ID: tuple[Callable[[UUID], Found], ...] = (
    lambda identifier: _of_payments("payment_id").where(Payment.id == identifier),
    lambda identifier: _of_bills("bill_id").where(Bill.id == identifier),
    lambda identifier: _of_postings("posting_id").where(Posting.id == identifier),
)
