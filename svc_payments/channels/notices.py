"""What a notice of any channel comes down to, once its signature has been found right."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request

from chassis.problems import Problem
from svc_payments.channels.provider import Paid, RefundAnswer


@dataclass(frozen=True)
class Proof:
    """Identifies a notice: a repeated one is accepted, its nonce with other content is refused."""

    notice_id: str
    nonce: str
    digest: bytes
    """Of what it says; a channel that repeats itself repeats this."""


@dataclass(frozen=True)
class PaidNotice:
    """An order was paid."""

    proof: Proof
    order_number: str
    paid: Paid


@dataclass(frozen=True)
class RefundNotice:
    """A refund has finished."""

    proof: Proof
    merchant_id: str
    refund_number: str
    answer: RefundAnswer


@dataclass(frozen=True)
class NothingNew:
    """Something that is known here already, or does not matter."""

    proof: Proof
    merchant_id: str


Notice = PaidNotice | RefundNotice | NothingNew


class NotifyingChannel(Protocol):
    """A channel that sends notifications."""

    async def read_notice(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        """Verify the signature over the raw bytes and read a notice.

        Raises:
            NoticeNotAuthentic: the bytes are not the channel's, or not of this moment.
            NoticeMalformed: they are, but their content is invalid.
        """


NOTICE_PROOF = "the channel's HTTP message signature (RFC 9421) for this address and our merchant id"
"""Of a notice of the sandbox channel."""


def refuse_query(request: Request) -> None:
    """The signature of a notice is verified for the address without a query.

    Raises:
        NoticeNotAuthentic
    """
    if request.scope["query_string"]:
        raise NoticeNotAuthentic(reason="wrong_signature")


class NoticeNotAuthentic(Problem):
    """Not signed by the channel, or not now."""

    status, code = 401, "notice_not_authentic"


class NoticeMalformed(Problem):
    status, code = 422, "notice_malformed"
