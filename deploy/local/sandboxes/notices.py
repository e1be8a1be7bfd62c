"""Notifications of the payment channel: each is signed, and retried until its receiver answers 2xx."""

import asyncio
import contextlib
import http.client
import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

from deploy.local.sandboxes.base import Faults, Json, rfc3339

FIRST_WAIT, LONGEST_WAIT = 0.5, 60  # seconds
TIMEOUT_SECONDS = 5
AT_ONCE = 16
SUCCESS = range(200, 300)
SCHEMA = """
CREATE TABLE IF NOT EXISTS notices (
    notice_id TEXT PRIMARY KEY,
    order_number TEXT NOT NULL,
    url TEXT NOT NULL,
    body BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS notices_due ON notices (due) WHERE NOT delivered;
CREATE INDEX IF NOT EXISTS notices_of_order ON notices (order_number);
CREATE TABLE IF NOT EXISTS sendings (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    notice_id TEXT NOT NULL REFERENCES notices,
    sent_at TEXT NOT NULL,
    headers TEXT NOT NULL,
    answer_status INTEGER
);
CREATE INDEX IF NOT EXISTS sendings_of_notice ON sendings (notice_id);
"""
DUE = "SELECT * FROM notices WHERE NOT delivered AND due <= ? ORDER BY due LIMIT ?"
SENT = """
SELECT notice_id, url, sent_at, headers, body, answer_status FROM sendings JOIN notices USING (notice_id)
WHERE order_number = ? ORDER BY position
"""


class Notices:
    def __init__(self, db: sqlite3.Connection, faults: Faults, sign: Callable[..., dict[str, str]]) -> None:
        """Sign with `sign(recipient, method, url, body)`."""
        db.executescript(SCHEMA)
        self._db, self._faults, self._sign = db, faults, sign
        self._in_flight: set[str] = set()
        self._changed = asyncio.Event()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="notice")

    def add(self, notice_id: str, order_number: str, url: str, body: bytes) -> None:
        insert = "INSERT INTO notices (notice_id, order_number, url, body) VALUES (?, ?, ?, ?)"
        self._db.execute(insert, (notice_id, order_number, url, body))

    def wake(self) -> None:
        self._changed.set()

    def sent(self, order_number: str) -> list[Json]:
        rows = self._db.execute(SENT, (order_number,))
        return [{**row, "headers": json.loads(row["headers"]), "body": row["body"].decode()} for row in rows]

    async def keep_sending(self) -> None:
        """Run until cancelled. Due notices are in the file, so a restart resumes them."""
        async with asyncio.TaskGroup() as sendings:
            while True:
                self._changed.clear()
                for notice in self._db.execute(DUE, (time.time(), AT_ONCE + len(self._in_flight))).fetchall():
                    if notice["notice_id"] not in self._in_flight:
                        self._in_flight.add(notice["notice_id"])
                        sendings.create_task(self._send(notice))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FIRST_WAIT / 2):
                        await self._changed.wait()

    async def _send(self, notice: sqlite3.Row) -> None:
        attempts = notice["attempts"] + 1
        due = time.time() + min(FIRST_WAIT * 2 ** min(notice["attempts"], 20), LONGEST_WAIT)
        # Written first: a sandbox that crashes while sending must not restart the backoff.
        self._db.execute(
            "UPDATE notices SET attempts = ?, due = ? WHERE notice_id = ?",
            (attempts, due, notice["notice_id"]),
        )
        copies = 1 + self._faults.take_all("duplicate_notices")
        lost = self._faults.take("drop_notices")
        accepted = await asyncio.gather(*(self._send_once(notice, lost=lost) for _ in range(copies)))
        if any(accepted):
            self._db.execute("UPDATE notices SET delivered = 1 WHERE notice_id = ?", (notice["notice_id"],))
        self._in_flight.discard(notice["notice_id"])

    async def _send_once(self, notice: sqlite3.Row, *, lost: bool) -> bool:
        recipient = json.loads(notice["body"])["merchant_id"]
        headers = self._sign(recipient, "POST", notice["url"], notice["body"])
        insert = "INSERT INTO sendings (notice_id, sent_at, headers) VALUES (?, ?, ?)"
        row = (notice["notice_id"], rfc3339(datetime.now(UTC)), json.dumps(headers))
        position = self._db.execute(insert, row).lastrowid
        if lost:
            return False
        arguments = (notice["url"], notice["body"], headers)
        status = await asyncio.get_running_loop().run_in_executor(self._threads, _post, *arguments)
        self._db.execute("UPDATE sendings SET answer_status = ? WHERE position = ?", (status, position))
        return status in SUCCESS


def encode(content: Json) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
    """The answer's status; None without an answer. Like the real channels, it follows no redirect."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", target, body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
