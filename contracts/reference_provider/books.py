"""The company's books: accounts and their holders, bills due, and the platform's payments that are booked."""

import contextlib
import secrets
import sqlite3
import time
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from contracts.reference_provider.holders import holder_on, today_in_beijing
from contracts.reference_provider.inbox import Inbox
from contracts.reference_provider.roster import account_holder
from contracts.reference_provider.schema import open_books

INSERT = """
INSERT INTO postings (posting_id, payment_id, receipt_number, bill_number, account_number, amount_fen, currency,
                      paid_at, kind, late_fee_fen, bill_amount_fen, received_at, provider_reference, reason,
                      prepaid_kind, prepaid_token, prepaid_state, application_id)
VALUES (:posting_id, :payment_id, :receipt_number, :bill_number, :account_number, :amount_fen, :currency,
        :paid_at, :kind, :late_fee_fen, :bill_amount_fen, :received_at, :provider_reference, :reason,
        :prepaid_kind, :prepaid_token, :prepaid_state, :application_id)
"""
DUE = """
SELECT bills.* FROM bills WHERE account_number = ? AND amount_fen > (
    SELECT ifnull(sum(amount_fen - late_fee_fen), 0) FROM postings
    WHERE postings.bill_number = bills.bill_number AND reason IS NULL
) ORDER BY due_date, bill_number
"""
PREPAID = ("token", "write_card")
CANCELLED = "cancelled"
REFUND = "refund"
TOKEN_DIGITS = 20  # of a token for a prepayment meter (IEC 62055-41)


@dataclass(frozen=True)
class Posting:
    """A payment that the company shall book on an account."""

    posting_id: str
    payment_id: str
    receipt_number: str
    bill_number: str
    account_number: str
    amount_fen: int
    currency: str
    paid_at: str
    kind: str = "regular"
    """`regular`: for a bill of the company; the others have a number assigned by the platform. `application_fee` is
    booked on an application, which may have no account yet."""
    late_fee_fen: int = 0
    """The part of the amount that is late fee."""
    bill_amount_fen: int | None = None
    """The whole bill without late fee; a posting may pay a part of it."""
    application_id: str | None = None


class BilledBill(NamedTuple):
    bill_number: str
    account_number: str
    period: str
    usage: str
    amount_fen: int
    due_date: str
    meter_from: str | None = None
    meter_to: str | None = None


class PostingReused(Exception):  # noqa: N818 - an answer to the caller
    """The same posting_id arrived with other content: one side has an error, so nothing is booked."""


class Books:
    """One file. `prepaid` is what a top-up buys: a `token`, a card to write (`write_card`), or (None) credit."""

    def __init__(self, path: Path, prepaid: str | None = None) -> None:
        self._db = open_books(path)
        self._prepaid = prepaid
        self.inbox = Inbox(self._db)

    def fill_roster(self, seed: str, accounts: int, kind: str = "water") -> None:
        self.add_accounts(account_holder(seed, n, kind) for n in range(accounts))

    def add_accounts(self, accounts: Iterable[tuple[str, str]]) -> None:
        """Add account numbers with their holders; a known number keeps its holder."""
        with self._transaction():
            insert = "INSERT INTO accounts (account_number, holder_name) VALUES (?, ?) ON CONFLICT DO NOTHING"
            self._db.executemany(insert, accounts)

    def add_bills(self, bills: Iterable[BilledBill]) -> None:
        """Add bills of the company; a known bill is replaced."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO bills VALUES (?, ?, ?, ?, ?, ?, ?, ?)", bills)

    def due_bills(self, account_number: str) -> list[dict[str, Any]]:
        """Bills that are not booked in full, oldest first."""
        return [dict(row) for row in self._db.execute(DUE, (account_number,))]

    def set_state(self, account_number: str, state: str) -> None:
        """`open`, `not_payable_online` or `payment_unfinished` (a payment made elsewhere is still pending)."""
        self._db.execute("UPDATE accounts SET state = ? WHERE account_number = ?", (state, account_number))

    def state(self, account_number: str) -> str | None:
        """An account's state; None if there is no such account."""
        account = self._account(account_number)
        return account["state"] if account else None

    def is_held(self, account_number: str) -> bool:
        """False for an account that was given up; its bills stay, and may be paid."""
        return holder_on(self._db, account_number, today_in_beijing()) is not None

    def verify_holder(self, account_number: str, name: str) -> str:
        holder = holder_on(self._db, account_number, today_in_beijing())
        if holder is None:
            return "no_account"
        return "match" if comparable(holder) == comparable(name) else "no_match"

    def book(self, posting: Posting) -> dict[str, Any]:
        """Book a posting. Idempotent: the platform repeats it until it receives the answer."""
        with self._transaction():
            known = self._row(posting.posting_id)
            if known is None:
                self._insert(posting)
                known = self._row(posting.posting_id)
        if known is None or any(known[name] != value for name, value in asdict(posting).items()):
            raise PostingReused
        return _answer(known)

    def posting(self, posting_id: str) -> dict[str, Any]:
        row = self._row(posting_id)
        if row is not None:
            return _answer(row)
        cancelled = self._is_cancelled(posting_id)
        return {"result": "refused", "reason": CANCELLED} if cancelled else {"result": "not_found"}

    def cancel(self, posting_id: str, reason: str) -> dict[str, Any]:
        """Cancel a posting whose money is returned to the payer; if the posting arrives later, it is refused.

        A booked posting stays booked, unless the reason is `refund` and no token or card was issued for it.
        """
        with self._transaction():
            row = self._row(posting_id)
            if row is not None and row["reason"] is None and (reason != REFUND or row["prepaid_kind"]):
                return _answer(row)
            cancellation = (posting_id, reason, datetime.now(UTC).isoformat())
            self._db.execute("INSERT INTO cancellations VALUES (?, ?, ?) ON CONFLICT DO NOTHING", cancellation)
            unbook = "UPDATE postings SET reason = ? WHERE posting_id = ? AND reason IS NULL"
            self._db.execute(unbook, (CANCELLED, posting_id))
        return {"result": CANCELLED}

    def card_written(self, posting_id: str) -> dict[str, Any]:
        """Record that the holder wrote the card at a terminal of the company."""
        write = "UPDATE postings SET prepaid_state = 'written' WHERE posting_id = ? AND prepaid_state = 'to_write'"
        self._db.execute(write, (posting_id,))
        return self.posting(posting_id)

    def first_use(self, nonce: str, expires: int) -> bool:
        """Remember the nonce of a call until its signature expires; false for a replay."""
        with self._transaction():
            self._db.execute("DELETE FROM nonces WHERE expires < ?", (int(time.time()),))
            kept = self._db.execute("INSERT INTO nonces VALUES (?, ?) ON CONFLICT DO NOTHING", (nonce, expires))
        return kept.rowcount == 1

    def newest(self, limit: int) -> list[dict[str, Any]]:
        rows = self._db.execute("SELECT * FROM postings ORDER BY position DESC LIMIT ?", (limit,))
        return [{**row, **_answer(row)} for row in rows]

    def totals(self) -> dict[str, int]:
        query = "SELECT count(*) AS booked, ifnull(sum(amount_fen), 0) AS booked_fen FROM postings WHERE reason IS NULL"
        return dict(self._db.execute(query).fetchone())

    def _insert(self, posting: Posting) -> None:
        now = datetime.now(UTC)
        reason = self._why_refused(posting)
        (last,) = self._db.execute("SELECT ifnull(max(position), 0) FROM postings").fetchone()
        reference = f"{now:%Y%m%d}-{last + 1:08}" if reason is None else None
        row = {"received_at": now.isoformat(), "provider_reference": reference, "reason": reason}
        handed_out = self._prepaid if reason is None and posting.kind == "top_up" else None
        self._db.execute(INSERT, {**asdict(posting), **row, **_prepaid(handed_out)})

    def _why_refused(self, posting: Posting) -> str | None:
        if self._is_cancelled(posting.posting_id):
            return CANCELLED
        if posting.currency != "CNY":
            return "currency_not_accepted"
        if posting.kind == "application_fee":
            if posting.application_id is None:
                return "no_application"
        elif self._account(posting.account_number) is None:
            return "no_account"
        booked_fen, amount_fen = self._booked_fen(posting.bill_number), self._bill_amount_fen(posting)
        if booked_fen >= amount_fen:
            return "bill_already_booked"
        more = booked_fen + posting.amount_fen - posting.late_fee_fen > amount_fen
        return "more_than_billed" if more else None

    def _booked_fen(self, bill_number: str) -> int:
        query = "SELECT sum(amount_fen - late_fee_fen) FROM postings WHERE bill_number = ? AND reason IS NULL"
        return self._db.execute(query, (bill_number,)).fetchone()[0] or 0

    def _bill_amount_fen(self, posting: Posting) -> int:
        """The amount the company billed; else the platform's; else that of the posting, which then pays all."""
        billed = self._db.execute("SELECT amount_fen FROM bills WHERE bill_number = ?", (posting.bill_number,))
        if known := billed.fetchone():
            return int(known["amount_fen"])
        return posting.bill_amount_fen or posting.amount_fen - posting.late_fee_fen

    def _account(self, account_number: str) -> sqlite3.Row | None:
        account: sqlite3.Row | None
        account = self._db.execute("SELECT * FROM accounts WHERE account_number = ?", (account_number,)).fetchone()
        return account

    def _row(self, posting_id: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None
        row = self._db.execute("SELECT * FROM postings WHERE posting_id = ?", (posting_id,)).fetchone()
        return row

    def _is_cancelled(self, posting_id: str) -> bool:
        return bool(self._db.execute("SELECT 1 FROM cancellations WHERE posting_id = ?", (posting_id,)).fetchone())

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def comparable(name: str) -> str:
    """Normalise the dot of Kazakh and Uyghur names and the width of characters, which vary between systems."""
    folded = unicodedata.normalize("NFKC", name)
    return "".join("·" if character in "·•‧・∙⋅." else character for character in folded if not character.isspace())


def _prepaid(kind: str | None) -> dict[str, str | None]:
    """What a top-up issues. A token is drawn once and stored, so that a repeated query shows the same one."""
    token = "".join(secrets.choice("0123456789") for _ in range(TOKEN_DIGITS)) if kind == "token" else None
    return {
        "prepaid_kind": kind,
        "prepaid_token": token,
        "prepaid_state": "to_write" if kind == "write_card" else None,
    }


def _answer(row: sqlite3.Row) -> dict[str, Any]:
    if row["reason"] is not None:
        return {"result": "refused", "reason": row["reason"]}
    booked = {"result": "booked", "provider_reference": row["provider_reference"]}
    match row["prepaid_kind"]:
        case "token":
            return {**booked, "prepaid": {"kind": "token", "token": row["prepaid_token"]}}
        case "write_card":
            return {**booked, "prepaid": {"kind": "write_card", "state": row["prepaid_state"]}}
        case _:
            return booked
