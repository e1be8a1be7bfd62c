"""Who holds an account on a day: the company's record of changes, kept before the platform learns of one.

From the last day of a holder on the company confirms only the next one; otherwise the former holder, whose binding
the report ends, could bind the account again on that day.
"""

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from contracts.reference_provider.schema import open_books

BEIJING = timezone(timedelta(hours=8))
MOST_AHEAD = timedelta(days=366)
"""How far ahead the platform accepts a report."""
IN_EFFECT = """
SELECT next_holder, effective_on FROM holder_changes WHERE account_number = ? AND effective_on <= ?
ORDER BY effective_on DESC LIMIT 1
"""


@dataclass(frozen=True)
class HolderChange:
    account_number: str
    effective_on: date
    """The last day of the holder until now."""
    next_holder: str | None
    """None: the account was given up."""

    @property
    def report(self) -> dict[str, str]:
        """What the platform learns of it, which is no name."""
        kind = "ended" if self.next_holder is None else "new_holder"
        return {"account_number": self.account_number, "kind": kind, "effective_on": self.effective_on.isoformat()}


def today_in_beijing() -> date:
    return datetime.now(BEIJING).date()


def holder_on(database: sqlite3.Connection, account_number: str, day: date) -> str | None:
    """The holder of an account; None if it does not exist or was given up."""
    changed = database.execute(IN_EFFECT, (account_number, day.isoformat())).fetchone()
    if changed:
        return str(changed["next_holder"]) if changed["next_holder"] else None
    first = database.execute("SELECT holder_name FROM accounts WHERE account_number = ?", (account_number,)).fetchone()
    return str(first["holder_name"]) if first else None


class Holders:
    """The changes in the company's books. One is unreported until the platform's id of it is kept."""

    def __init__(self, books: Path) -> None:
        self._db = open_books(books)

    def close(self) -> None:
        self._db.close()

    def record(self, change: HolderChange) -> None:
        """Keep a change. Idempotent: the same one again, after a lost answer, has no effect.

        Raises:
            ValueError: a sentence that says why it cannot be.
        """
        key = (change.account_number, change.effective_on.isoformat())
        known = self._db.execute(
            "SELECT next_holder FROM holder_changes WHERE account_number = ? AND effective_on = ?", key
        ).fetchone()
        if known and known["next_holder"] == change.next_holder:
            return
        if known:
            raise ValueError(f"Another change of account {key[0]} on {key[1]} is recorded; withdraw it first.")
        self._require_possible(change)
        self._db.execute("INSERT INTO holder_changes VALUES (?, ?, ?, NULL)", (*key, change.next_holder))

    def mark_reported(self, change: HolderChange, holder_change_id: str) -> None:
        mark = "UPDATE holder_changes SET holder_change_id = ? WHERE account_number = ? AND effective_on = ?"
        self._db.execute(mark, (holder_change_id, change.account_number, change.effective_on.isoformat()))

    def discard(self, change: HolderChange) -> None:
        """Forget a change that the platform refused; one that it has stays."""
        unreported = "account_number = ? AND effective_on = ? AND holder_change_id IS NULL"
        key = (change.account_number, change.effective_on.isoformat())
        self._db.execute(f"DELETE FROM holder_changes WHERE {unreported}", key)  # noqa: S608 - fixed text

    def discard_withdrawn(self, holder_change_id: str) -> None:
        self._db.execute("DELETE FROM holder_changes WHERE holder_change_id = ?", (holder_change_id,))

    def _require_possible(self, change: HolderChange) -> None:
        number, today = change.account_number, today_in_beijing()
        if self._db.execute("SELECT 1 FROM accounts WHERE account_number = ?", (number,)).fetchone() is None:
            raise ValueError(f"The books have no account {number}. Start the server once, or compare the number.")
        if change.effective_on > today + MOST_AHEAD:
            raise ValueError(f"{change.effective_on} is more than a year ahead; report the change later.")
        if change.next_holder is not None and not change.next_holder.strip():
            raise ValueError("The next holder has no name.")
        later = self._db.execute(
            "SELECT max(effective_on) FROM holder_changes WHERE account_number = ? AND effective_on > ?",
            (number, change.effective_on.isoformat()),
        ).fetchone()[0]
        if later:
            raise ValueError(f"Account {number} changes hands on {later}, which is later; withdraw that change first.")
        if change.next_holder is None and holder_on(self._db, number, change.effective_on) is None:
            raise ValueError(f"Nobody holds account {number} on {change.effective_on}: it has ended already.")
