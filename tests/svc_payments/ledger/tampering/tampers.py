"""What the owner can change of the books besides the trail: the ledger, payments and bills."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.audit.sealing import ROW
from svc_payments.ledger.sealed import SEALED_TABLES
from tests.tampering.changes import CHAIN, Change, Tampering

_LEDGER = ("ledger_entries", "ledger_transfers", "ledger_links", "ledger_facts", "ledger_anchors")
_WHOLE = (*(table.name for table in SEALED_TABLES), "receipts", "settlement_lines", *_LEDGER, *CHAIN)
"""Tables of which every row is proven."""
_PARTLY = {
    # What the polls of a worker keep for themselves is no fact of money.
    "refunds": {"asked", "ask_at"},
    "payment_attempts": {"asked", "ask_at", "pay_url", "pay_parameters"},
    # The state of a meter's card changes after the booking.
    "postings": {"tries", "try_at", "prepaid_state"},
    "mandates": {"asked", "ask_at", "look_at", "sign_url"},
}
"""Tables with the columns that are not proven."""
_OF_BILLS = ("paid_fen", "booked_fen", "late_fee_fen", "amount_fen", "status", "account_number", "bill_number")
# Before its capture a payment is no money; its bills and its amount follow from its lines all the same.
_ROWS = {
    "payments": "captured_at IS NOT NULL",
    "payment_attempts": "transaction_id IS NOT NULL",
    "payment_lines": "payment_id IN (SELECT payment_id FROM receipts)",
    "postings": "provider_reference IS NOT NULL OR status IN ('refused', 'cancelled', 'kept')",
    "bills": "paid_fen > 0",
}
# A line is named by its settlement too, of which it is a part.
_ALSO = {"settlement_lines": ("settlement_id",)}
_OF_LEDGER = ("Link ", "Links ", "Entry ", "Transfer ", "Account ", "The anchor of link ", "ledger_", "All entries")
TABLES = tuple(dict.fromkeys((*_WHOLE, *_PARTLY, "payments", "payment_lines", "ledger_accounts", "bills")))


class BooksTampering(Tampering):
    """Changes of the trail and of the books."""

    kept: ClassVar = ("bills",)
    not_copied: ClassVar = ("bills", "payment_lines")

    def __init__(self, tx: AsyncSession, seed: int) -> None:
        """The tables are those of svc_payments."""
        super().__init__(tx, seed, SEALED_TABLES, _PARTLY)
        self.tables = TABLES

    def kinds(self) -> Sequence[Callable[[], Awaitable[Change | None]]]:
        return [
            *[self.update] * 10,
            *[self.delete] * 3,
            *[self.insert] * 2,
            *[self.swap] * 3,
            self.cut,
            self.cut_ledger,
        ]

    def is_named(self, change: Change, finding: str) -> bool:
        if change.table.startswith("ledger_"):
            return finding.startswith(_OF_LEDGER)
        if change.table in CHAIN:
            return super().is_named(change, finding)
        named = change.table.removesuffix("_lines") if change.table == "settlement_lines" else change.table
        return finding.lower().startswith(named.removesuffix("s")) and any(key in finding for key in change.keys)

    def place_of(self, table: str) -> str:
        # The places of a table with parts are not its own.
        return "id" if table == "bills" else "ctid"

    def rows_of(self, table: str) -> str:
        return _ROWS.get(table, "true")

    def proven(self, table: str) -> list[str]:
        return list(_OF_BILLS) if table == "bills" else super().proven(table)

    async def cut_ledger(self) -> Change | None:
        """Cut the tail of the ledger, with its entries, transfers and facts, and correct the balances."""
        last = await self.tx.scalar(text("SELECT max(number) FROM ledger_links")) or 0
        kept = last - self.random.randint(1, min(10, last))
        position = await self.tx.scalar(text(f"SELECT last_position FROM ledger_links WHERE number = {kept}")) or 0  # noqa: S608
        for statement in (
            f"DELETE FROM ledger_facts WHERE position > {position}",  # noqa: S608
            f"DELETE FROM ledger_entries WHERE position > {position}",  # noqa: S608
            "DELETE FROM ledger_transfers WHERE id NOT IN (SELECT transfer_id FROM ledger_entries)",
            "DELETE FROM ledger_accounts WHERE id NOT IN (SELECT account_id FROM ledger_entries)",
            (
                "UPDATE ledger_accounts SET debit_fen = moved.debit, credit_fen = moved.credit FROM "
                "(SELECT account_id, sum(greatest(amount_fen, 0)) AS debit, sum(greatest(-amount_fen, 0)) AS "
                "credit FROM ledger_entries GROUP BY account_id) AS moved WHERE account_id = id"
            ),
        ):
            await self.tx.execute(text(statement))
        return await self._done(f"DELETE FROM ledger_links WHERE number > {kept} RETURNING 1", "ledger_links", [])  # noqa: S608

    async def _keys(self, table: str, rows: Sequence[str]) -> list[str]:
        """Each column of the key by itself, as findings of the books name one of them."""
        named = ", ".join(f"{ROW}.{column}::text" for column in [*self.keys[table], *_ALSO.get(table, ())])
        listed = ", ".join(f"'{row}'" for row in rows) or "NULL"
        found = f"SELECT {named} FROM {table} AS {ROW} WHERE {self.place_of(table)}::text IN ({listed})"  # noqa: S608
        return [key for row in await self.tx.execute(text(found.replace(":", "\\:"))) for key in row if key]
