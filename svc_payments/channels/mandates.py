"""Deduction contracts at a channel: requests and answers.

The sandbox channel implements this. WeChat Pay (papay) and Alipay (cycle pay) have contracts of the same shape: signed
by the payer in the wallet, confirmed by a notification, charged by orders that name it, ended by either side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from svc_payments.channels.notices import Proof
from svc_payments.channels.provider import Answer, Channel, Order, Unclear


@dataclass(frozen=True)
class Contract:
    """What a payer signs. A number identifies one content, so that sending it again is safe."""

    number: str
    limit_fen: int
    sign_by: datetime


@dataclass(frozen=True)
class ToSign:
    """The contract waits for the payer; `sign_url` is where they sign, when the answer says."""

    sign_url: str | None = None


@dataclass(frozen=True)
class Signed:
    """The contract may be charged."""

    contract_id: str


@dataclass(frozen=True)
class Ended:
    """The contract can never be charged, or no longer."""


@dataclass(frozen=True)
class ContractAbsent:
    """The channel has no contract of this number, yet."""


@dataclass(frozen=True)
class ContractRefused:
    """The channel will not offer this contract; it has not kept it."""

    code: str


ContractAnswer = ToSign | Signed | Ended | ContractAbsent | ContractRefused | Unclear


@dataclass(frozen=True)
class ContractNotice:
    """A channel's notification about a contract."""

    proof: Proof
    merchant_id: str
    contract_number: str
    contract_id: str
    signed: bool
    """Or else ended."""


@runtime_checkable
class MandateChannel(Channel, Protocol):
    """A channel that deducts by contract. Failures are `Unclear`, never raised."""

    async def offer(self, contract: Contract) -> ContractAnswer:
        """Have the payer sign; offering a contract again gives the answer of the first time."""

    async def query_contract(self, number: str) -> ContractAnswer:
        """Query a contract."""

    async def end_contract(self, number: str) -> ContractAnswer:
        """End a contract or withdraw its offer. Idempotent."""

    async def read_contract_notice(self, headers: Mapping[str, str], raw: bytes) -> ContractNotice:
        """Verify the signature over the raw bytes and read a notice.

        Raises:
            NoticeNotAuthentic: the bytes are not the channel's, or not of this moment.
            NoticeMalformed: they are, but their content is invalid.
        """

    async def deduct(self, order: Order, contract_number: str) -> Answer:
        """Charge a contract for an order; charging it again gives the answer of the first time, and no money twice.

        Afterwards the order is queried, closed and refunded like any other.
        """


@dataclass(frozen=True)
class Deductions:
    """A channel whose orders are placed by charging a contract, and are otherwise like any other."""

    channel: MandateChannel
    contract_number: str
    methods: Sequence[str] = ()

    async def place(self, order: Order) -> Answer:
        return await self.channel.deduct(order, self.contract_number)

    async def query(self, order: Order) -> Answer:
        return await self.channel.query(order)

    async def close(self, order: Order) -> Answer:
        return await self.channel.close(order)
