"""Bill numbers that differ only by leading zeros or the case of letters: a spreadsheet may have changed one of them.

Where account, month and amount are the same as well, it is the same bill, and must not be due twice.
"""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


def _folded(number: str) -> str:
    """What similar numbers have in common; most numbers are so themselves, and few are in the index of the others."""
    return f"upper(ltrim({number}, '0'))"


_HERE, _KNOWN = _folded("claims.bill_number"), _folded("other.bill_number")
_NEW = "claims.known_id IS NULL AND claims.place = 1 AND claims.outcome IS NULL"
_EXIST = f"""
    SELECT EXISTS (SELECT FROM claims WHERE bill_number <> {_HERE}),
        EXISTS (SELECT FROM bill_numbers AS other WHERE provider_id = :provider_id AND bill_number <> {_KNOWN})
"""  # noqa: S608 - the expressions above
# As a scalar, bills are looked up by their ids for the few numbers that are similar, never scanned.
_SAME_BILL = """
    (SELECT (bills.account_number, bills.period, bills.amount_fen)
            = (claims.account_number, claims.period, claims.amount_fen)
            AND bills.status NOT IN ('void', 'expired', 'superseded')
        FROM bills WHERE bills.id = other.bill_id AND bills.id IS DISTINCT FROM claims.old_id)
"""
_LIKE_A_PLAIN_ONE = f"""
    UPDATE claims SET outcome = 'similar_bill_number' FROM bill_numbers AS other
    WHERE {_NEW} AND claims.bill_number <> {_HERE}
        AND other.provider_id = :provider_id AND other.bill_number = {_HERE} AND {_SAME_BILL}
"""  # noqa: S608 - the expressions above
_LIKE_ANOTHER = f"""
    UPDATE claims SET outcome = 'similar_bill_number' FROM bill_numbers AS other
    WHERE {_NEW} AND other.provider_id = :provider_id AND other.bill_number <> {_KNOWN}
        AND {_KNOWN} = {_HERE} AND other.bill_number <> claims.bill_number AND {_SAME_BILL}
"""  # noqa: S608 - the expressions above
_LIKE_AN_EARLIER_ROW = f"""
    UPDATE claims SET outcome = 'similar_bill_number' FROM claims AS other
    WHERE {_NEW} AND other.place = 1 AND (other.outcome IS NULL OR other.outcome = 'unchanged')
        AND {_KNOWN} = {_HERE} AND other.bill_number <> claims.bill_number AND other.row < claims.row
        AND (other.account_number, other.period, other.amount_fen)
            = (claims.account_number, claims.period, claims.amount_fen)
"""  # noqa: S608 - the expressions above


class _Exist(NamedTuple):
    """Numbers that others could be like."""

    here: bool
    known: bool


async def refuse_similar(tx: AsyncSession, provider_id: UUID) -> None:
    """Refuse claimed rows that would make a second bill of a known one or of an earlier row."""
    of_provider = {"provider_id": provider_id}
    exist = _Exist(*(await tx.execute(text(_EXIST), of_provider)).one())
    if exist.here:
        await tx.execute(text(_LIKE_A_PLAIN_ONE), of_provider)
    if exist.known:
        await tx.execute(text(_LIKE_ANOTHER), of_provider)
    if exist.here:
        await tx.execute(text(_LIKE_AN_EARLIER_ROW))
