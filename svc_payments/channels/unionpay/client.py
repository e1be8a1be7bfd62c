"""UnionPay's online gateway, ACP 5.1.0: orders that the payer's browser posts there; queries, refunds, notices."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, timedelta
from http import HTTPStatus
from typing import TypeVar

import httpx
from cryptography import x509
from pydantic import BaseModel, ValidationError

from chassis.db import now
from chassis.http_client import call
from kit.signatures.keys import load_private_key
from kit.signatures.refusals import BadSignature
from svc_payments.channels.calls import NotUnderstood, observed
from svc_payments.channels.downloads import downloaded
from svc_payments.channels.notices import Notice
from svc_payments.channels.provider import (
    Absent,
    Answer,
    Closed,
    NoStatement,
    Order,
    RefundAbsent,
    RefundAnswer,
    Refunding,
    RefundOrder,
    RefundRefused,
    Waiting,
)
from svc_payments.channels.unionpay import mapping, messages
from svc_payments.channels.unionpay.certificates import Signers
from svc_payments.channels.unionpay.files import unfolded, whole
from svc_payments.channels.unionpay.notices import read
from svc_payments.channels.unionpay.signatures import Fields, Merchant, NotAMessage, of_answer
from svc_payments.channels.unionpay.times import begun_at, beijing
from svc_payments.settings.channels import ChannelName, UnionpaySettings

NAME = ChannelName.UNIONPAY
_CHANNEL_TYPES = {"web": "07", "wap": "08"}
"""By method: the cashier's page for computers and for phones."""
_PRODUCT = "000201"  # payment through the gateway
_CURRENCY = "156"
_EARLIER = timedelta(minutes=1)
"""How long before the order expires the cashier closes, so that a query at the expiry sees a final state."""

Body = TypeVar("Body", bound=BaseModel)


class UnionpayChannel:
    methods: Sequence[str] = tuple(_CHANNEL_TYPES)

    def __init__(self, settings: UnionpaySettings, notice_url: str, seconds: float, client: httpx.AsyncClient) -> None:
        """Use a client whose base URL is the gateway's; each answer may take so many seconds."""
        self._settings = settings
        self._notice_url = notice_url
        self._seconds = seconds
        self._client = client
        certificate = x509.load_pem_x509_certificate(settings.merchant_certificate.encode())
        key = load_private_key(settings.merchant_key.get_secret_value())
        self._merchant = Merchant(settings.merchant_id, str(certificate.serial_number), key)
        self._signers = Signers(settings)

    async def place(self, order: Order) -> Answer:
        return await observed(NAME, "place", self._place(order))

    async def query(self, order: Order) -> Answer:
        return await observed(NAME, "query", self._query(order))

    async def close(self, order: Order) -> Answer:
        return await observed(NAME, "close", self._close(order))

    async def refund(self, refund: RefundOrder) -> RefundAnswer:
        return await observed(NAME, "refund", self._refund(refund))

    async def query_refund(self, refund: RefundOrder) -> RefundAnswer:
        return await observed(NAME, "query_refund", self._query_refund(refund))

    async def read_notice(self, headers: Mapping[str, str], raw: bytes) -> Notice:  # noqa: ARG002 - all is in the form
        return read(self._signers, raw)

    async def statement(self, day: date) -> AsyncIterator[bytes]:
        """A day's settlement file unchanged: a zip of files in GBK."""
        content = {
            "txnType": "76",
            "txnSubType": "01",
            "bizType": "000000",
            "fileType": "00",
            "txnTime": beijing(now()),
            "settleDate": f"{day:%m%d}",
        }
        request = self._request(f"{self._settings.files_url}/", content)
        raw = await whole(downloaded(self._client, request))
        fields = await asyncio.to_thread(self._verified, raw)
        code = _body(messages.Coded, fields).code
        if code != "00":
            raise NoStatement(f"code_{code}") if code == mapping.NO_FILE else NotUnderstood(f"code_{code}")
        file = _body(messages.File, fields)
        if (file.merchant_id, file.settle_date) != (self._merchant.merchant_id, f"{day:%m%d}"):
            raise NotUnderstood("other_file")
        yield await asyncio.to_thread(unfolded, file.content)

    async def _place(self, order: Order) -> Answer:
        """A form for the payer's browser to post; the order exists at UnionPay only from then on."""
        form = self._merchant.signed(
            {
                "txnType": mapping.PAYMENT,
                "txnSubType": "01",
                "bizType": _PRODUCT,
                "channelType": _CHANNEL_TYPES[order.method or self.methods[0]],
                "orderId": order.number,
                "txnTime": begun_at(order.number),
                "txnAmt": str(order.amount_fen),
                "currencyCode": _CURRENCY,
                "payTimeout": beijing(order.expires_at - _EARLIER),
                "frontUrl": self._settings.front_url,
                "backUrl": self._notice_url,
            }
        )
        return Waiting(f"{self._settings.url}/frontTransReq.do", form)

    async def _query(self, order: Order) -> Answer:
        # Read before the query: an expired order that is absent then will never exist.
        over = order.expires_at <= now()
        known = await self._known(order.number, mapping.PAYMENT)
        if known is None:
            return Closed() if over else Absent()
        return mapping.of_order(known, over=over)

    async def _close(self, order: Order) -> Answer:
        """UnionPay orders end only by expiry: until then the payer may still post the form."""
        known = await self._query(order)
        return Waiting() if isinstance(known, Absent) else known

    async def _refund(self, refund: RefundOrder) -> RefundAnswer:
        content = {
            "txnType": mapping.REFUND,
            "txnSubType": "00",
            "bizType": _PRODUCT,
            "channelType": "07",
            "orderId": refund.number,
            "txnTime": begun_at(refund.number),
            "txnAmt": str(refund.amount_fen),
            "origQryId": refund.transaction_id,
            "backUrl": self._notice_url,
        }
        fields = await self._call("/backTransReq.do", content)
        code = _body(messages.Coded, fields).code
        if code in mapping.DONE:
            self._check_transaction(_body(messages.Outcome, fields), refund.number, mapping.REFUND)
            return Refunding()
        if code in mapping.NOT_KNOWN | mapping.MAY_PASS:
            raise NotUnderstood(f"code_{code}")
        # For a repeated number UnionPay answers that, or some other fault: the query decides.
        known = await self._query_refund(refund)
        return RefundRefused(code) if isinstance(known, RefundAbsent) and code != mapping.REPEATED else known

    async def _query_refund(self, refund: RefundOrder) -> RefundAnswer:
        known = await self._known(refund.number, mapping.REFUND)
        if known is None:
            return RefundAbsent()
        if known.orig_query_id not in {"", refund.transaction_id}:
            raise NotUnderstood("other_refund")
        return mapping.of_refund(known)

    async def _known(self, number: str, txn_type: str) -> messages.Known | None:
        """The state of a transaction; None when UnionPay does not have it."""
        content = {
            "txnType": "00",
            "txnSubType": "00",
            "bizType": "000000",
            "orderId": number,
            "txnTime": begun_at(number),
        }
        fields = await self._call("/queryTrans.do", content)
        code = _body(messages.Coded, fields).code
        if code == mapping.ABSENT:
            self._check_about(_body(messages.About, fields), number)
            return None
        if code not in mapping.DONE:
            raise NotUnderstood(f"code_{code}")
        known = _body(messages.Known, fields)
        self._check_transaction(known, number, txn_type)
        return known

    def _check_transaction(self, message: messages.Transaction, number: str, txn_type: str) -> None:
        self._check_about(message, number)
        if message.txn_type != txn_type:
            raise NotUnderstood("other_transaction")

    def _check_about(self, message: messages.About, number: str) -> None:
        # A replayed answer about another number has a valid signature too.
        about = (message.merchant_id, message.number, message.txn_time)
        if about != (self._merchant.merchant_id, number, begun_at(number)):
            raise NotUnderstood("other_order")

    async def _call(self, path: str, content: Fields) -> Fields:
        """Make one signed call; an unsigned answer counts as none."""
        reply = await call(self._client, self._request(path, content), seconds=self._seconds)
        if reply.status != HTTPStatus.OK:
            raise NotUnderstood(f"status_{reply.status}")
        return self._verified(reply.body)

    def _request(self, path: str, content: Fields) -> httpx.Request:
        return self._client.build_request("POST", path, data=self._merchant.signed(content))

    def _verified(self, raw: bytes) -> Fields:
        try:
            fields = of_answer(raw)
        except NotAMessage:
            raise NotUnderstood("answer_malformed") from None
        try:
            self._signers.check(fields)
        except BadSignature as bad:
            # It does not sign the answer to a request with a bad signature.
            raise NotUnderstood(f"{bad.reason}_{_code(fields)}") from None
        return fields


def _body(kind: type[Body], fields: Fields) -> Body:
    try:
        return kind.model_validate(fields)
    except ValidationError:
        raise NotUnderstood("answer_malformed") from None


def _code(fields: Fields) -> str:
    try:
        return messages.Coded.model_validate(fields).code
    except ValidationError:
        return ""
