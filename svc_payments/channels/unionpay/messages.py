"""UnionPay's messages, as far as they are used. The payer and the card are not read."""

from typing import Annotated

from pydantic import BaseModel, Field

Number = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
NumberIfAny = Annotated[str, Field(pattern=r"^[!-~]{0,64}$")]
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{2}$")]
Fen = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,17})?$")]
"""Strictly digits: Python would read signs, blanks, underscores and points in numbers as well."""


class Coded(BaseModel):
    code: Annotated[Code, Field(alias="respCode")]


class About(BaseModel):
    """The order that a message is about: UnionPay identifies it by number and time together."""

    merchant_id: Annotated[Number, Field(alias="merId")]
    number: Annotated[Number, Field(alias="orderId")]
    txn_time: Annotated[str, Field(alias="txnTime", pattern=r"^[0-9]{14}$")]


class Transaction(About):
    """A payment or a refund."""

    txn_type: Annotated[Number, Field(alias="txnType")]
    query_id: Annotated[NumberIfAny, Field(alias="queryId")] = ""
    amount: Annotated[Fen, Field(alias="txnAmt")] = ""
    currency: Annotated[NumberIfAny, Field(alias="currencyCode")] = ""
    trace_time: Annotated[str, Field(alias="traceTime", pattern=r"^([0-9]{10})?$")] = ""
    """When UnionPay moved the money, in Beijing, without the year."""
    orig_query_id: Annotated[NumberIfAny, Field(alias="origQryId")] = ""

    @property
    def amount_fen(self) -> int | None:
        return int(self.amount) if self.amount else None


class Outcome(Transaction):
    """The outcome, in a notice and in the answer to the request."""

    code: Annotated[Code, Field(alias="respCode")]


class Known(Transaction):
    """The outcome, in the answer to a query."""

    code: Annotated[Code, Field(alias="origRespCode")]


class File(BaseModel):
    """The file of a day."""

    merchant_id: Annotated[Number, Field(alias="merId")]
    settle_date: Annotated[str, Field(alias="settleDate", pattern=r"^[0-9]{4}$")]
    content: Annotated[str, Field(alias="fileContent")]
