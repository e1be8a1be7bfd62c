"""The company's books: who holds which account, and which payments of the platform are booked."""

import contextlib
import sqlite3
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.reference_provider.roster import account_holder

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS accounts (account_number TEXT PRIMARY KEY, holder_name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS postings (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    posting_id TEXT NOT NULL UNIQUE,
    payment_id TEXT NOT NULL,
    receipt_number TEXT NOT NULL,
    bill_number TEXT NOT NULL,
    account_number TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    currency TEXT NOT NULL,
    paid_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    provider_reference TEXT UNIQUE,
    reason TEXT
);
-- A bill is booked once, whatever the platform says.
CREATE UNIQUE INDEX IF NOT EXISTS booked_bills ON postings (bill_number) WHERE reason IS NULL;
"""
INSERT = """
INSERT INTO postings (posting_id, payment_id, receipt_number, bill_number, account_number, amount_fen, currency,
                      paid_at, received_at, provider_reference, reason)
VALUES (:posting_id, :payment_id, :receipt_number, :bill_number, :account_number, :amount_fen, :currency,
        :paid_at, :received_at, :provider_reference, :reason)
"""


@dataclass(frozen=True)
class Posting:
    """A payment that the platform asks the company to book on an account."""

    posting_id: str
    payment_id: str
    receipt_number: str
    bill_number: str
    account_number: str
    amount_fen: int
    currency: str
    paid_at: str


class PostingReused(Exception):  # noqa: N818 - an answer to the caller
    """The same posting_id came with another content: one side is broken, so nothing is booked."""


class Books:
    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(SCHEMA)

    def fill_roster(self, seed: str, accounts: int) -> None:
        with self._transaction():
            rows = (account_holder(seed, n) for n in range(accounts))
            self._db.executemany("INSERT INTO accounts VALUES (?, ?) ON CONFLICT DO NOTHING", rows)

    def verify_holder(self, account_number: str, name: str) -> str:
        query = "SELECT holder_name FROM accounts WHERE account_number = ?"
        account = self._db.execute(query, (account_number,)).fetchone()
        if account is None:
            return "no_account"
        return "match" if comparable(account["holder_name"]) == comparable(name) else "no_match"

    def book(self, posting: Posting) -> dict[str, Any]:
        """Book a posting, once: the platform repeats it until it has heard the answer."""
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
        return {"result": "not_found"} if row is None else _answer(row)

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
        self._db.execute(INSERT, {**asdict(posting), **row})

    def _why_refused(self, posting: Posting) -> str | None:
        if posting.currency != "CNY":
            return "currency_not_accepted"
        account = "SELECT 1 FROM accounts WHERE account_number = ?"
        if not self._db.execute(account, (posting.account_number,)).fetchone():
            return "no_account"
        booked = "SELECT 1 FROM postings WHERE bill_number = ? AND reason IS NULL"
        if self._db.execute(booked, (posting.bill_number,)).fetchone():
            return "bill_already_booked"
        return None

    def _row(self, posting_id: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None
        row = self._db.execute("SELECT * FROM postings WHERE posting_id = ?", (posting_id,)).fetchone()
        return row

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
    """Systems write the dot in Kazakh and Uyghur names, and the width of characters, in different ways."""
    folded = unicodedata.normalize("NFKC", name)
    return "".join("·" if character in "·•‧・∙⋅." else character for character in folded if not character.isspace())


def _answer(row: sqlite3.Row) -> dict[str, Any]:
    if row["reason"] is None:
        return {"result": "booked", "provider_reference": row["provider_reference"]}
    return {"result": "refused", "reason": row["reason"]}
