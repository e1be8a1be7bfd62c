"""The client of the sandbox channel; requests, answers and notices are signed, each for its recipient."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Literal, TypeVar

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from pydantic import BaseModel, Field, StrictInt, ValidationError

from chassis.http_client import NoAnswer, Reply, call
from kit.signatures.keys import load_private_key, load_public_keys
from kit.signatures.messages import Answer as SignedAnswer
from kit.signatures.messages import Request, sign_request, verify_answer, verify_request
from kit.signatures.refusals import BadSignature
from svc_payments.channels import schemas
from svc_payments.channels.calls import NotUnderstood, observed
from svc_payments.channels.downloads import downloaded
from svc_payments.channels.notices import NoticeMalformed, NoticeNotAuthentic, PaidNotice, Proof, RefundNotice
from svc_payments.channels.provider import (
    DESCRIPTION,
    Absent,
    Answer,
    Closed,
    Order,
    Paid,
    PaidAt,
    RefundAbsent,
    RefundAnswer,
    Refunded,
    Refunding,
    RefundOrder,
    RefundRefused,
    Refused,
    Waiting,
)
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName

NAME = ChannelName.SANDBOX


class _AboutOrder(BaseModel):
    order_number: str


class _PlacedOrder(_AboutOrder):
    state: Literal["waiting", "paid", "closed"]
    pay_url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,1000}$")]


class _KnownOrder(_AboutOrder):
    merchant_id: Annotated[str, Field(max_length=64)]
    state: Literal["waiting", "paid", "closed"]
    amount_fen: StrictInt
    currency: Annotated[str, Field(max_length=8)]
    transaction_id: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")] | None
    paid_at: PaidAt | None


class _ClosedOrder(_AboutOrder):
    state: Literal["closed"]


class _Statement(BaseModel):
    sha256: str
    download_url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,1000}$")]


class _KnownRefund(BaseModel):
    merchant_id: str
    refund_number: str
    transaction_id: str
    state: Literal["processing", "succeeded", "closed", "abnormal"]
    amount_fen: StrictInt
    refund_id: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
    refunded_at: PaidAt | None


class _Problem(BaseModel):
    code: Annotated[str, Field(pattern=r"^[a-z_]{1,64}$")]


Body = TypeVar("Body", bound=_AboutOrder)


class SandboxChannel:
    methods: Sequence[str] = ()

    def __init__(self, settings: Settings, channel_key: str, client: httpx.AsyncClient) -> None:
        """Use a client whose base URL is the channel's."""
        self._client = client
        self._merchant_id = settings.merchant_id
        self._notify_url = settings.notice_url
        self._seconds = settings.channel_timeout_seconds
        self._key: RSAPrivateKey = load_private_key(settings.merchant_key.get_secret_value())
        self._channel_keys: Mapping[str, RSAPublicKey] = load_public_keys(channel_key)

    async def place(self, order: Order) -> Answer:
        return await observed(NAME, "place", self._place(order))

    async def query(self, order: Order) -> Answer:
        return await observed(NAME, "query", self._query(order))

    async def close(self, order: Order) -> Answer:
        return await observed(NAME, "close", self._close(order))

    async def read_notice(self, headers: Mapping[str, str], raw: bytes) -> PaidNotice | RefundNotice:
        nonce = self._nonce_of_notice(self._notify_url, headers, raw)
        try:
            notice = schemas.AnyNotice.validate_json(raw)
        except ValidationError:
            raise NoticeMalformed from None
        proof = Proof(notice.notice_id, nonce, hashlib.sha256(raw).digest())
        if isinstance(notice, schemas.RefundNotice):
            return RefundNotice(proof, notice.merchant_id, notice.refund_number, _refund_answer(notice))
        paid = Paid(notice.merchant_id, notice.transaction_id, notice.amount_fen, notice.currency, notice.paid_at)
        return PaidNotice(proof, notice.order_number, paid)

    async def refund(self, refund: RefundOrder) -> RefundAnswer:
        return await observed(NAME, "refund", self._refund(refund))

    async def query_refund(self, refund: RefundOrder) -> RefundAnswer:
        return await observed(NAME, "query_refund", self._query_refund(refund))

    async def statement(self, day: date) -> AsyncIterator[bytes]:
        """The file that a signed answer names, piece by piece; its hash is verified at the end."""
        reply = await self._call("GET", f"/statements/{day}", params={"merchant_id": self._merchant_id})
        try:
            statement = _Statement.model_validate_json(reply.body)
        except ValidationError:
            raise NoAnswer(f"status_{reply.status}") from None
        sha256 = hashlib.sha256()
        # Whatever host it names: the channel has its files where it answers.
        path = httpx.URL(statement.download_url).raw_path.decode("ascii")
        async for piece in downloaded(self._client, self._client.build_request("GET", path)):
            sha256.update(piece)
            yield piece
        if sha256.hexdigest() != statement.sha256:
            raise BadSignature("wrong_hash")

    async def _place(self, order: Order) -> Answer:
        reply = await self._call("POST", "/orders", self._content_of(order))
        if reply.status in _CONTENT_REFUSED:
            return Refused(_code(reply))
        if reply.status not in {httpx.codes.OK, httpx.codes.CREATED}:
            raise NotUnderstood(f"status_{reply.status}")
        placed = _body(_PlacedOrder, reply, order)
        return Waiting(placed.pay_url) if placed.state == "waiting" else await self._query(order)

    def _content_of(self, order: Order) -> dict[str, object]:
        return {
            "merchant_id": self._merchant_id,
            "order_number": order.number,
            "amount_fen": order.amount_fen,
            "description": DESCRIPTION,
            "notify_url": self._notify_url,
            "expires_at": order.expires_at.isoformat(),
        }

    async def _query(self, order: Order) -> Answer:
        reply = await self._call("GET", f"/orders/{order.number}", params={"merchant_id": self._merchant_id})
        if reply.status == httpx.codes.NOT_FOUND and _code(reply) == "unknown_order":
            return Absent()
        if reply.status != httpx.codes.OK:
            raise NotUnderstood(f"status_{reply.status}")
        known = _body(_KnownOrder, reply, order)
        if known.state == "waiting":
            return Waiting()
        if known.state == "closed":
            return Closed()
        if known.transaction_id is None or known.paid_at is None:
            raise NotUnderstood("paid_without_proof")
        return Paid(known.merchant_id, known.transaction_id, known.amount_fen, known.currency, known.paid_at)

    async def _close(self, order: Order) -> Answer:
        reply = await self._call("POST", f"/orders/{order.number}/close", {"merchant_id": self._merchant_id})
        if reply.status == httpx.codes.OK:
            _body(_ClosedOrder, reply, order)
            return Closed()
        # Paid at the last moment, or not known: the query says which.
        return await self._query(order)

    async def _refund(self, refund: RefundOrder) -> RefundAnswer:
        reply = await self._call(
            "POST",
            "/refunds",
            {
                "merchant_id": self._merchant_id,
                "refund_number": refund.number,
                "order_number": refund.order_number,
                "transaction_id": refund.transaction_id,
                "amount_fen": refund.amount_fen,
                "paid_fen": refund.paid_fen,
                "notify_url": self._notify_url,
            },
        )
        if reply.status in _CONTENT_REFUSED or reply.status == httpx.codes.NOT_FOUND:
            return RefundRefused(_code(reply))
        if reply.status not in {httpx.codes.OK, httpx.codes.CREATED}:
            raise NotUnderstood(f"status_{reply.status}")
        return self._known_refund(reply, refund)

    async def _query_refund(self, refund: RefundOrder) -> RefundAnswer:
        reply = await self._call("GET", f"/refunds/{refund.number}", params={"merchant_id": self._merchant_id})
        if reply.status == httpx.codes.NOT_FOUND and _code(reply) == "unknown_refund":
            return RefundAbsent()
        if reply.status != httpx.codes.OK:
            raise NotUnderstood(f"status_{reply.status}")
        return self._known_refund(reply, refund)

    def _known_refund(self, reply: Reply, refund: RefundOrder) -> RefundAnswer:
        try:
            known = _KnownRefund.model_validate_json(reply.body)
        except ValidationError:
            raise NotUnderstood("answer_malformed") from None
        about = (known.merchant_id, known.refund_number, known.transaction_id)
        if about != (self._merchant_id, refund.number, refund.transaction_id):
            raise NotUnderstood("other_refund")
        if known.state == "processing":
            return Refunding()
        if known.state != "succeeded":
            return RefundRefused(known.state)
        if known.refunded_at is None:
            raise NotUnderstood("refunded_without_time")
        return Refunded(known.refund_id, known.amount_fen, known.refunded_at)

    async def _call(
        self, method: str, path: str, content: dict[str, object] | None = None, params: dict[str, str] | None = None
    ) -> Reply:
        """One signed call; an answer that the channel has not signed for this call is no answer."""
        request = self._client.build_request(method, path, json=content, params=params)
        request.headers.update(sign_request(self._key, NAME, method, str(request.url), request.content))
        reply = await call(self._client, request, seconds=self._seconds)
        sent = Request(method, str(request.url), request.headers)
        verify_answer(self._channel_keys, SignedAnswer(reply.status, reply.headers, sent), reply.body)
        return reply

    def _nonce_of_notice(self, url: str, headers: Mapping[str, str], raw: bytes) -> str:
        notice = Request("POST", url, headers)
        try:
            return verify_request(self._channel_keys, self._merchant_id, notice, raw)
        except BadSignature as bad:
            raise NoticeNotAuthentic(reason=bad.reason) from None


# A signed refusal of an order's content is final; other failures may pass.
_CONTENT_REFUSED = {httpx.codes.BAD_REQUEST, httpx.codes.FORBIDDEN, httpx.codes.UNPROCESSABLE_ENTITY}


def _body(kind: type[Body], reply: Reply, order: Order) -> Body:
    try:
        body = kind.model_validate_json(reply.body)
    except ValidationError:
        raise NotUnderstood("answer_malformed") from None
    if body.order_number != order.number:
        raise NotUnderstood("other_order")
    return body


def _refund_answer(notice: schemas.RefundNotice) -> RefundAnswer:
    if notice.event != "refund.succeeded":
        return RefundRefused(notice.event)
    if notice.refunded_at is None:
        raise NoticeMalformed
    return Refunded(notice.refund_id, notice.amount_fen, notice.refunded_at)


def _code(reply: Reply) -> str:
    try:
        return _Problem.model_validate_json(reply.body).code
    except ValidationError:
        return ""
