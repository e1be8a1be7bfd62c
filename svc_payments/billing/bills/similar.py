"""Bill numbers that differ only by leading zeros or the case of letters: a spreadsheet may have changed one of them.

Where account, month and amount are the same as well, it is the same bill, and must not be due twice: neither by a new
bill nor by an amendment that makes two of them equal.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.billing.bills.models import Bill


def _folded(number: str) -> str:
    """What similar numbers have in common; most numbers are so themselves, and few are in the index of the others."""
    return f"upper(ltrim({number}, '0'))"


def _content(table: str) -> str:
    return f"({table}.account_number, {table}.period, {table}.amount_fen)"


_HERE, _KNOWN = _folded("claims.bill_number"), _folded("other.bill_number")
_LIVE = "NOT IN ('void', 'expired', 'superseded')"
_OPEN = "claims.place = 1 AND claims.outcome IS NULL"
_REFUSE = "UPDATE claims SET outcome = 'similar_bill_number', other_number = other.bill_number"
# What was alike before is none of an amendment's making.
_ALIKE_BEFORE = f"""
    EXISTS (SELECT FROM bills AS before
        WHERE before.id = claims.known_id AND {_content("before")} = {_content("claims")})
"""
_EXIST = f"""
    SELECT EXISTS (SELECT FROM claims WHERE bill_number <> {_HERE}),
        EXISTS (SELECT FROM bill_numbers AS other WHERE provider_id = :provider_id AND bill_number <> {_KNOWN})
"""  # noqa: S608 - the expressions above
# As a scalar, bills are looked up by their ids for the few numbers that are similar, never scanned.
_SAME_BILL = f"""
    (SELECT {_content("bills")} = {_content("claims")} AND bills.status {_LIVE} AND NOT {_ALIKE_BEFORE}
        FROM bills WHERE bills.id = other.bill_id AND bills.id IS DISTINCT FROM claims.old_id)
"""  # noqa: S608 - the expressions above
_LIKE_A_PLAIN_ONE = f"""
    {_REFUSE} FROM bill_numbers AS other
    WHERE {_OPEN} AND claims.bill_number <> {_HERE}
        AND other.provider_id = :provider_id AND other.bill_number = {_HERE} AND {_SAME_BILL}
"""
_LIKE_ANOTHER = f"""
    {_REFUSE} FROM bill_numbers AS other
    WHERE {_OPEN} AND other.provider_id = :provider_id AND other.bill_number <> {_KNOWN}
        AND {_KNOWN} = {_HERE} AND other.bill_number <> claims.bill_number AND {_SAME_BILL}
"""
_LIKE_AN_EARLIER_ROW = f"""
    {_REFUSE} FROM claims AS other
    WHERE {_OPEN} AND other.place = 1 AND (other.outcome IS NULL OR other.outcome = 'unchanged')
        AND {_KNOWN} = {_HERE} AND other.bill_number <> claims.bill_number AND other.row < claims.row
        AND {_content("other")} = {_content("claims")} AND NOT {_ALIKE_BEFORE}
"""
_OF_ONE = f"""
    SELECT other.bill_number FROM bill_numbers AS other
    WHERE other.provider_id = :provider_id AND other.bill_number <> :bill_number
        AND (other.bill_number = {_folded("CAST(:bill_number AS text)")}
            OR other.bill_number <> {_KNOWN} AND {_KNOWN} = {_folded("CAST(:bill_number AS text)")})
        AND (SELECT {_content("bills")} = (:account_number, CAST(:period AS date), CAST(:amount_fen AS bigint))
                AND bills.status {_LIVE} FROM bills WHERE bills.id = other.bill_id)
    LIMIT 1
"""  # noqa: S608 - the expressions above


class _Exist(NamedTuple):
    """Numbers that others could be like."""

    here: bool
    known: bool


async def refuse_similar(tx: AsyncSession, provider_id: UUID) -> None:
    """Refuse claimed rows that would make the bill of a known number or of an earlier row due twice."""
    of_provider = {"provider_id": provider_id}
    exist = _Exist(*(await tx.execute(text(_EXIST), of_provider)).one())
    if exist.here:
        await tx.execute(text(_LIKE_A_PLAIN_ONE), of_provider)
    if exist.known:
        await tx.execute(text(_LIKE_ANOTHER), of_provider)
    if exist.here:
        await tx.execute(text(_LIKE_AN_EARLIER_ROW))


async def number_of_same_bill(tx: AsyncSession, bill: Bill, content: Mapping[str, Any]) -> str | None:
    """The number under which a bill with this content is known already; `staging.one_at_a_time` keeps it true."""
    values = {name: content[name] for name in ("account_number", "period", "amount_fen")}
    of_bill = {"provider_id": bill.provider_id, "bill_number": bill.bill_number}
    number: str | None = await tx.scalar(text(_OF_ONE), {**of_bill, **values})
    return number
