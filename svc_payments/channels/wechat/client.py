"""WeChat Pay, API v3: orders by QR code, in WeChat, in our app, in a mobile browser; refunds, daily bills, notices."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from chassis.http_client import Reply, call
from chassis.telemetry import log
from kit.signatures.keys import load_private_key
from kit.signatures.refusals import BadSignature
from svc_payments.channels.calls import NotUnderstood, observed
from svc_payments.channels.downloads import gunzipped
from svc_payments.channels.notices import Notice
from svc_payments.channels.provider import (
    Absent,
    Answer,
    Closed,
    NoStatement,
    Order,
    RefundAbsent,
    RefundAnswer,
    RefundOrder,
    RefundRefused,
    Refused,
)
from svc_payments.channels.wechat import mapping, messages
from svc_payments.channels.wechat.keys import PlatformKeys
from svc_payments.channels.wechat.notices import read
from svc_payments.channels.wechat.payment_methods import CURRENCY, content_of, way_to_pay
from svc_payments.channels.wechat.signatures import Merchant, Signed
from svc_payments.settings.channels import ChannelName, WechatSettings

NAME = ChannelName.WECHAT

# Compared without underscores: WeChat Pay's documents have both ORDERNOTEXIST and ORDER_NOT_EXIST.
_NO_ORDER = "ORDERNOTEXIST"
_NO_REFUND = "RESOURCENOTEXISTS"
_NO_STATEMENT = "NOSTATEMENTEXIST"
# Codes about an order's content. Other failures may pass: our keys, their limits, their systems.
_CONTENT_REFUSED = {"PARAMERROR", "INVALIDREQUEST", "APPIDMCHIDNOTMATCH", "RULELIMIT", "TRADEERROR", "ACCOUNTERROR"}
_ALREADY_THERE = {"ORDERPAID", "ORDERCLOSED", "OUTTRADENOUSED"}
_REFUND_REFUSED = {"PARAMERROR", "INVALIDREQUEST", "RESOURCENOTEXISTS", "USERACCOUNTABNORMAL"}

Body = TypeVar("Body", bound=BaseModel)


class WechatChannel:
    def __init__(self, settings: WechatSettings, notice_url: str, seconds: float, client: httpx.AsyncClient) -> None:
        """Use a client whose base URL is WeChat Pay's; each answer may take so many seconds."""
        self._settings = settings
        self._notice_url = notice_url
        self._seconds = seconds
        self._client = client
        key = load_private_key(settings.merchant_key.get_secret_value())
        self._merchant = Merchant(settings.merchant_id, settings.merchant_serial, key)
        self._keys = PlatformKeys(settings, self._fetch_certificates)

    @property
    def methods(self) -> Sequence[str]:
        return self._settings.methods

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

    async def read_notice(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        return await read(self._keys, self._settings, headers, raw)

    async def statement(self, day: date) -> AsyncIterator[bytes]:
        """The trade bill of a day: CSV in UTF-8, all trades and refunds, unfolded and of the hash it should have."""
        reply = await self._call("GET", f"/v3/bill/tradebill?bill_date={day}&bill_type=ALL&tar_type=GZIP")
        if reply.status != HTTPStatus.OK:
            refusal = _refusal(reply)
            raise NoStatement(refusal) if refusal == _NO_STATEMENT else NotUnderstood(refusal)
        bill = _body(messages.Bill, reply)
        address = urlsplit(bill.download_url)
        # The request carries our signature, so only this host may get it; the file itself is unsigned.
        request = self._request("GET", f"{address.path}?{address.query}")
        async for part in gunzipped(self._client, request, bill.hash_value):
            yield part

    async def _place(self, order: Order) -> Answer:
        method = order.method or self._settings.methods[0]
        content = content_of(order, method, self._settings, self._notice_url)
        reply = await self._call("POST", f"/v3/pay/transactions/{method}", content)
        if reply.status == HTTPStatus.OK:
            try:
                return way_to_pay(reply.body, method, self._settings, self._merchant)
            except ValidationError:
                raise NotUnderstood("answer_malformed") from None
        refusal = _refusal(reply)
        if refusal in _ALREADY_THERE:
            return await self._query(order)
        if refusal in _CONTENT_REFUSED:
            # The same code is answered for an existing order with other content, which can be paid.
            known = await self._query(order)
            return Refused(refusal) if isinstance(known, Absent) else known
        raise NotUnderstood(refusal)

    async def _query(self, order: Order) -> Answer:
        target = f"/v3/pay/transactions/out-trade-no/{order.number}?mchid={self._merchant.merchant_id}"
        reply = await self._call("GET", target)
        if reply.status == HTTPStatus.NOT_FOUND and _refusal(reply) == _NO_ORDER:
            return Absent()
        if reply.status != HTTPStatus.OK:
            raise NotUnderstood(_refusal(reply))
        known = _body(messages.Transaction, reply)
        # The signature covers the body alone: an answer about another order, played again, is as well signed.
        if known.out_trade_no != order.number:
            raise NotUnderstood("other_order")
        return mapping.of_order(known)

    async def _close(self, order: Order) -> Answer:
        target = f"/v3/pay/transactions/out-trade-no/{order.number}/close"
        reply = await self._call("POST", target, {"mchid": self._merchant.merchant_id})
        if reply.status == HTTPStatus.NO_CONTENT:
            return Closed()
        # Paid at the last moment, closed before, or not known: the query says which.
        return await self._query(order)

    async def _refund(self, refund: RefundOrder) -> RefundAnswer:
        content = {
            "transaction_id": refund.transaction_id,
            "out_refund_no": refund.number,
            "notify_url": self._notice_url,
            "amount": {"refund": refund.amount_fen, "total": refund.paid_fen, "currency": CURRENCY},
        }
        reply = await self._call("POST", "/v3/refund/domestic/refunds", content)
        if reply.status == HTTPStatus.OK:
            return _refund_answer(_body(messages.Refund, reply), refund)
        refusal = _refusal(reply)
        if refusal in _REFUND_REFUSED:
            # The same code is answered for a number that another refund in progress has.
            known = await self._query_refund(refund)
            return RefundRefused(refusal) if isinstance(known, RefundAbsent) else known
        raise NotUnderstood(refusal)

    async def _query_refund(self, refund: RefundOrder) -> RefundAnswer:
        reply = await self._call("GET", f"/v3/refund/domestic/refunds/{refund.number}")
        if reply.status == HTTPStatus.NOT_FOUND and _refusal(reply) == _NO_REFUND:
            return RefundAbsent()
        if reply.status != HTTPStatus.OK:
            raise NotUnderstood(_refusal(reply))
        return _refund_answer(_body(messages.Refund, reply), refund)

    async def _call(self, method: str, target: str, content: Mapping[str, object] | None = None) -> Reply:
        """One signed call; an answer that WeChat Pay has not signed is no answer."""
        reply = await self._send(self._request(method, target, content))
        try:
            await self._keys.check(Signed.of(reply.headers), reply.body)
        except BadSignature as bad:
            # It does not sign the answer to a request with a bad signature.
            raise NotUnderstood(f"{bad.reason}_{reply.status}_{_refusal(reply)}") from None
        return reply

    async def _fetch_certificates(self) -> Reply:
        return await self._send(self._request("GET", "/v3/certificates"))

    async def _send(self, request: httpx.Request) -> Reply:
        reply = await call(self._client, request, seconds=self._seconds)
        # WeChat Pay's support asks for this id first.
        number = reply.headers.get("request-id", "")[:64]
        log.info("channel_answered", channel=NAME, status=reply.status, channel_request_id=number)
        return reply

    def _request(self, method: str, target: str, content: Mapping[str, object] | None = None) -> httpx.Request:
        body = json.dumps(content, ensure_ascii=False).encode() if content is not None else None
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "my-ili/1.0"}
        if self._settings.public_key_id:
            headers["Wechatpay-Serial"] = self._settings.public_key_id  # the key that the answer is to be signed with
        request = self._client.build_request(method, target, content=body, headers=headers)
        sent = request.url.raw_path.decode()
        timestamp, nonce = int(time.time()), secrets.token_hex(16)
        request.headers["Authorization"] = self._merchant.authorization(method, sent, body or b"", timestamp, nonce)
        return request


def _refund_answer(known: messages.Refund, refund: RefundOrder) -> RefundAnswer:
    if known.out_refund_no != refund.number:
        raise NotUnderstood("other_refund")
    return mapping.of_refund(known.status, known)


def _refusal(reply: Reply) -> str:
    try:
        return messages.Refusal.model_validate_json(reply.body).code.replace("_", "")
    except ValidationError:
        return ""


def _body(kind: type[Body], reply: Reply) -> Body:
    try:
        return kind.model_validate_json(reply.body)
    except ValidationError:
        raise NotUnderstood("answer_malformed") from None
