"""The sandbox channel's deduction contracts, spoken to like its orders: signed both ways."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from chassis.http_client import Reply
from svc_payments.channels import schemas
from svc_payments.channels.calls import NotUnderstood, observed
from svc_payments.channels.mandates import (
    Contract,
    ContractAbsent,
    ContractAnswer,
    ContractNotice,
    ContractRefused,
    Ended,
    Signed,
    ToSign,
)
from svc_payments.channels.notices import NoticeMalformed, Proof
from svc_payments.channels.provider import DESCRIPTION, Answer, Order, Refused, Waiting
from svc_payments.channels.sandbox import _CONTENT_REFUSED, NAME, SandboxChannel, _AboutOrder, _body, _code
from svc_payments.settings import Settings


class _Offered(BaseModel):
    contract_number: str
    state: Literal["waiting", "signed", "ended"]
    sign_url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,1000}$")]


class _KnownContract(BaseModel):
    contract_number: str
    merchant_id: str
    state: Literal["waiting", "signed", "ended"]
    contract_id: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")] | None


class _EndedContract(BaseModel):
    contract_number: str
    state: Literal["ended"]


class _Deducted(_AboutOrder):
    state: Literal["waiting", "paid", "closed"]


Body = TypeVar("Body", _Offered, _KnownContract, _EndedContract)


class SandboxContracts(SandboxChannel):
    """The sandbox channel, with what it can do beyond orders and refunds: a `MandateChannel`."""

    def __init__(self, settings: Settings, channel_key: str, client: httpx.AsyncClient) -> None:
        super().__init__(settings, channel_key, client)
        self._contract_notify_url = settings.contract_notice_url

    async def offer(self, contract: Contract) -> ContractAnswer:
        return await observed(NAME, "offer", self._offer(contract))

    async def query_contract(self, number: str) -> ContractAnswer:
        return await observed(NAME, "query_contract", self._query_contract(number))

    async def end_contract(self, number: str) -> ContractAnswer:
        return await observed(NAME, "end_contract", self._end_contract(number))

    async def deduct(self, order: Order, contract_number: str) -> Answer:
        return await observed(NAME, "deduct", self._deduct(order, contract_number))

    async def read_contract_notice(self, headers: Mapping[str, str], raw: bytes) -> ContractNotice:
        nonce = self._nonce_of_notice(self._contract_notify_url, headers, raw)
        try:
            notice = schemas.ContractNotice.model_validate_json(raw)
        except ValidationError:
            raise NoticeMalformed from None
        proof = Proof(notice.notice_id, nonce, hashlib.sha256(raw).digest())
        signed = notice.event == "contract.signed"
        return ContractNotice(proof, notice.merchant_id, notice.contract_number, notice.contract_id, signed)

    async def _offer(self, contract: Contract) -> ContractAnswer:
        wanted = {
            "merchant_id": self._merchant_id,
            "contract_number": contract.number,
            "limit_fen": contract.limit_fen,
            "description": DESCRIPTION,
            "notify_url": self._contract_notify_url,
            "expires_at": contract.sign_by.isoformat(),
        }
        reply = await self._call("POST", "/contracts", wanted)
        if reply.status in _CONTENT_REFUSED:
            return ContractRefused(_code(reply))
        _expect(reply, httpx.codes.OK, httpx.codes.CREATED)
        offered = _about(_Offered, reply, contract.number)
        return ToSign(offered.sign_url) if offered.state == "waiting" else await self._query_contract(contract.number)

    async def _query_contract(self, number: str) -> ContractAnswer:
        reply = await self._call("GET", f"/contracts/{number}", params={"merchant_id": self._merchant_id})
        if reply.status == httpx.codes.NOT_FOUND and _code(reply) == "unknown_contract":
            return ContractAbsent()
        _expect(reply, httpx.codes.OK)
        known = _about(_KnownContract, reply, number)
        if known.state == "waiting":
            return ToSign()
        if known.state == "ended":
            return Ended()
        if known.contract_id is None or known.merchant_id != self._merchant_id:
            raise NotUnderstood("signed_without_proof")
        return Signed(known.contract_id)

    async def _end_contract(self, number: str) -> ContractAnswer:
        reply = await self._call("POST", f"/contracts/{number}/terminate", {"merchant_id": self._merchant_id})
        if reply.status == httpx.codes.NOT_FOUND and _code(reply) == "unknown_contract":
            return ContractAbsent()
        _expect(reply, httpx.codes.OK)
        _about(_EndedContract, reply, number)
        return Ended()

    async def _deduct(self, order: Order, contract_number: str) -> Answer:
        reply = await self._call("POST", f"/contracts/{contract_number}/deductions", self._content_of(order))
        if reply.status in _CONTENT_REFUSED or reply.status == httpx.codes.NOT_FOUND:
            return Refused(_code(reply))
        _expect(reply, httpx.codes.OK, httpx.codes.CREATED)
        # `paid` is not proof enough to capture by: the query gives the transaction.
        return Waiting() if _body(_Deducted, reply, order).state == "waiting" else await self._query(order)


def _expect(reply: Reply, *statuses: int) -> None:
    if reply.status not in statuses:
        raise NotUnderstood(f"status_{reply.status}")


def _about(kind: type[Body], reply: Reply, number: str) -> Body:
    try:
        body = kind.model_validate_json(reply.body)
    except ValidationError:
        raise NotUnderstood("answer_malformed") from None
    if body.contract_number != number:
        raise NotUnderstood("other_contract")
    return body
