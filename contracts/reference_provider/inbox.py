"""What the platform has told the company: each delivery once, in the order in which they came."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

INSERT = """
INSERT INTO deliveries (delivery_id, kind, subject_id, occurred_at, details, received_at)
VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
SAME = """
SELECT 1 FROM deliveries WHERE delivery_id = ? AND kind = ? AND subject_id = ? AND occurred_at = ? AND details = ?
"""


@dataclass(frozen=True)
class Delivery:
    delivery_id: str
    kind: str
    """One that is not known yet is kept like the others."""
    subject_id: str
    occurred_at: str
    details: dict[str, Any]


class DeliveryReused(Exception):  # noqa: N818 - an answer to the caller
    """The same delivery_id arrived with other content: one side has an error."""


class Inbox:
    """What a company acts on later, by itself: it answers once the delivery is in its file, and not after the work."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    def receive(self, delivery: Delivery) -> None:
        """Keep a delivery. Idempotent: the platform repeats it until it gets the answer, and at people's word.

        Raises:
            DeliveryReused
        """
        details = json.dumps(delivery.details, sort_keys=True)
        said = (delivery.delivery_id, delivery.kind, delivery.subject_id, delivery.occurred_at, details)
        self._db.execute(INSERT, (*said, datetime.now(UTC).isoformat()))
        if self._db.execute(SAME, said).fetchone() is None:
            raise DeliveryReused

    def newest(self, limit: int) -> list[dict[str, Any]]:
        rows: list[sqlite3.Row] = self._db.execute(
            "SELECT * FROM deliveries ORDER BY position DESC LIMIT ?", (limit,)
        ).fetchall()
        return [{**row, "details": json.loads(row["details"])} for row in rows]
