"""Alipay's open platform: orders by QR code, on a page, in a mobile browser, in our app; refunds, daily bills, notices.

The interfaces: https://docs.open.alipay.com/api_1.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from chassis.db import CHINA
from chassis.http_client import NoAnswer, call
from chassis.telemetry import log
from kit.public_addresses import AddressRefused, Target, pinned
from kit.signatures.keys import load_private_key
from kit.signatures.refusals import BadSignature
from svc_payments.channels.alipay import mapping, messages
from svc_payments.channels.alipay.notices import read
from svc_payments.channels.alipay.payment_methods import BROWSED, INTERFACES, content_of, way_to_pay
from svc_payments.channels.alipay.signatures import SIGN_TYPE, AlipayKeys, App, SignedAnswer, certificates_named
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
    Refused,
    Waiting,
)
from svc_payments.settings.channels import AlipaySettings, ChannelName

NAME = ChannelName.ALIPAY

_DONE, _REFUSED = "10000", "40004"
_NO_TRADE, _NO_BILL = "TRADE_NOT_EXIST", "BILL_NOT_EXIST"
# Codes about an order's content. Other failures may pass: our keys, their limits, their systems.
_CONTENT_REFUSED = {"INVALID_PARAMETER", "TOTAL_FEE_EXCEED", "EXIST_FORBIDDEN_WORD"}
_ALREADY_THERE = {"TRADE_HAS_SUCCESS", "TRADE_HAS_CLOSE", "CONTEXT_INCONSISTENT"}
# An empty balance of ours is not among them: refunds wait until there is money.
_REFUND_REFUSED = {
    "BUYER_ENABLE_STATUS_FORBID",
    "BUYER_ERROR",
    "DISCORDANT_REPEAT_REQUEST",
    "INVALID_PARAMETER",
    "NOT_ALLOW_PARTIAL_REFUND",
    "REASON_TRADE_REFUND_FEE_ERR",
    "REASON_TRADE_STATUS_INVALID",
    "REFUND_AMT_NOT_EQUAL_TOTAL",
    "REFUND_FEE_ERROR",
    "TRADE_HAS_CLOSE",
    "TRADE_HAS_FINISHED",
    "TRADE_NOT_ALLOW_REFUND",
    "TRADE_NOT_EXIST",
    "TRADE_STATUS_ERROR",
}

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True)
class VerifiedAnswer:
    """A verified answer of Alipay: content, or a refusal code."""

    refusal: str
    content: bytes

    def as_of(self, kind: type[Body]) -> Body:
        """The content.

        Raises:
            NotUnderstood: the content is not of this kind.
        """
        try:
            return kind.model_validate_json(self.content)
        except ValidationError:
            raise NotUnderstood("answer_malformed") from None


class AlipayChannel:
    def __init__(self, settings: AlipaySettings, notice_url: str, seconds: float, client: httpx.AsyncClient) -> None:
        """Use a client; each answer may take so many seconds."""
        self._settings = settings
        self._notice_url = notice_url
        self._seconds = seconds
        self._client = client
        self._app = App(settings.app_id, load_private_key(settings.app_key.get_secret_value()))
        self._certificates: Mapping[str, str] = {}
        if settings.app_certificate and settings.root_certificates:
            self._certificates = certificates_named(settings.app_certificate, settings.root_certificates)
        self._keys = AlipayKeys(*filter(None, (settings.public_key, settings.former_public_key)))

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

    async def read_notice(self, headers: Mapping[str, str], raw: bytes) -> Notice:  # noqa: ARG002 - all is in the body
        return read(self._keys, self._settings, raw)

    async def statement(self, day: date) -> AsyncIterator[bytes]:
        """The trade bill of a day: CSV in GBK, within a zip."""
        answer = await self._call(
            "alipay.data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": day.isoformat()}
        )
        if answer.refusal:
            raise NoStatement(answer.refusal) if answer.refusal == _NO_BILL else NotUnderstood(answer.refusal)
        address = httpx.URL(answer.as_of(messages.Bill).bill_download_url)
        # Alipay still writes http, and the file comes unsigned: it is fetched no less safely than we ask.
        api = httpx.URL(self._settings.url)
        target = await _reachable(address.copy_with(scheme=api.scheme), api)
        request = self._client.build_request(
            "GET", target.url, headers=dict(target.headers), extensions=dict(target.extensions)
        )
        async for part in downloaded(self._client, request):
            yield part

    async def _place(self, order: Order) -> Answer:
        method = order.method or self._settings.methods[0]
        content = content_of(order, method)
        if method != "precreate":
            return way_to_pay(method, self._settings.url, self._order(method, content))
        answer = await self._call(INTERFACES[method], content, {"notify_url": self._notice_url})
        if not answer.refusal:
            made = answer.as_of(messages.Precreated)
            _require_same(made.out_trade_no, order.number)
            return Waiting(made.qr_code)
        if answer.refusal in _ALREADY_THERE:
            return await self._query(order)
        if answer.refusal in _CONTENT_REFUSED:
            known = await self._query(order)
            return Refused(answer.refusal) if isinstance(known, Absent) else known
        raise NotUnderstood(answer.refusal)

    async def _query(self, order: Order) -> Answer:
        answer = await self._call("alipay.trade.query", {"out_trade_no": order.number})
        if answer.refusal == _NO_TRADE:
            # Also answered for a placed order until its payer opens it.
            return Absent()
        if answer.refusal:
            raise NotUnderstood(answer.refusal)
        known = answer.as_of(messages.Trade)
        _require_same(known.out_trade_no, order.number)
        return mapping.of_order(known, self._settings.seller_id)

    async def _close(self, order: Order) -> Answer:
        answer = await self._call("alipay.trade.close", {"out_trade_no": order.number})
        if not answer.refusal and answer.as_of(messages.Closed).out_trade_no == order.number:
            return Closed()
        # Paid at the last moment, closed before, not opened yet, or unclear: the query decides.
        return await self._query(order)

    async def _refund(self, refund: RefundOrder) -> RefundAnswer:
        content = {
            "trade_no": refund.transaction_id,
            "refund_amount": messages.yuan_of(refund.amount_fen),
            "out_request_no": refund.number,
        }
        answer = await self._call("alipay.trade.refund", content)
        if not answer.refusal:
            _require_same(answer.as_of(messages.RefundTaken).out_trade_no, refund.order_number)
            # The answer names neither the refund nor its own amount, so that only the query ends one.
            return Refunding()
        if answer.refusal in _REFUND_REFUSED:
            # The same code is answered for a number that another refund has.
            known = await self._query_refund(refund)
            return RefundRefused(answer.refusal) if isinstance(known, RefundAbsent) else known
        raise NotUnderstood(answer.refusal)

    async def _query_refund(self, refund: RefundOrder) -> RefundAnswer:
        content = {
            "trade_no": refund.transaction_id,
            "out_request_no": refund.number,
            "query_options": ["gmt_refund_pay"],
        }
        answer = await self._call("alipay.trade.fastpay.refund.query", content)
        if answer.refusal == _NO_TRADE:
            return RefundAbsent()
        if answer.refusal:
            raise NotUnderstood(answer.refusal)
        known = answer.as_of(messages.RefundKnown)
        if known.refund_status is not None:
            _require_same(known.out_request_no, refund.number)
        return mapping.of_refund(known, refund)

    def _order(self, method: str, content: Mapping[str, object]) -> dict[str, str]:
        further = {"notify_url": self._notice_url}
        if method in BROWSED and self._settings.return_url:
            further["return_url"] = self._settings.return_url
        return self._signed(INTERFACES[method], content, further)

    async def _call(
        self, method: str, content: Mapping[str, object], further: Mapping[str, str] | None = None
    ) -> VerifiedAnswer:
        """Make one signed call; an unsigned answer counts as none.

        Raises:
            NotReached, NoAnswer: no answer, an invalid one, or one about our access instead of the request.
        """
        query = self._signed(method, content, further or {})
        form = {"biz_content": query.pop("biz_content")}
        # As Alipay's own libraries do: it reads from the address in which charset the form is.
        request = self._client.build_request("POST", self._settings.url, params=query, data=form)
        reply = await call(self._client, request, seconds=self._seconds)
        # Alipay's support asks for this id first.
        trace = reply.headers.get("trace_id", "")[:64]
        log.info("channel_answered", channel=NAME, question=method, status=reply.status, channel_request_id=trace)
        return self._verified(method, reply.status, reply.body)

    def _verified(self, method: str, status: int, body: bytes) -> VerifiedAnswer:
        try:
            signed = SignedAnswer.of(body)
            self._keys.check(signed.content, signed.signature)
        except BadSignature as bad:
            raise NotUnderstood(f"{bad.reason}_{status}") from None
        if signed.name not in {f"{method.replace('.', '_')}_response", "error_response"}:
            raise NotUnderstood("other_answer")
        answer = VerifiedAnswer("", signed.content)
        outcome = answer.as_of(messages.Outcome)
        if outcome.code == _DONE:
            return answer
        word = outcome.sub_code or ""
        if outcome.code != _REFUSED:
            raise NotUnderstood(f"{outcome.code}_{word}")
        # With the name of one system of Alipay's or another before it: ACQ., isp., aop.ACQ.
        return VerifiedAnswer(word.rpartition(".")[2].upper() or outcome.code, signed.content)

    def _signed(self, method: str, content: Mapping[str, object], further: Mapping[str, str]) -> dict[str, str]:
        return self._app.signed(
            {
                "app_id": self._app.app_id,
                "method": method,
                "format": "JSON",
                "charset": "utf-8",
                "sign_type": SIGN_TYPE,
                "timestamp": datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
                "version": "1.0",
                **self._certificates,
                **further,
                "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
            }
        )


def _require_same(named: str | None, expected: str) -> None:
    # The signature covers the answer alone: one about another order, played again, is as well signed.
    if named != expected:
        raise NotUnderstood("other_order")


async def _reachable(file: httpx.URL, api: httpx.URL) -> Target:
    """Where a file is fetched: at the API's own host, or at a public address, never in our network."""
    if (file.host, file.port) == (api.host, api.port):
        return Target(file)
    try:
        return await pinned(file)
    except AddressRefused as refused:
        raise NoAnswer(type(refused).__name__) from None
