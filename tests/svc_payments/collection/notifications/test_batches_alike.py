"""A group leaves the same rows in every table as its notices taken one by one."""

import json
import re
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from svc_payments.billing.bills.models import Bill, BillKind
from svc_payments.channels.notices import NotifyingChannel, PaidNotice
from svc_payments.channels.registry import open_channels
from svc_payments.collection.notifications.service import ReceivedNotice, capture_batch, take_notice
from svc_payments.collection.payments.models import Payment, PaymentStatus
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.databases import cloned
from tests.svc_payments.channels.pending_payments import bill_being_paid, keep, line_of, notice_of, payment_of, signed

SANDBOX = ChannelName.SANDBOX
# A group is one link of the ledger chain, but notices taken one by one are one link each.
_EXCLUDED_TABLES = {"alembic_version", "ledger_links"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]*(\+00:00|Z)?")


async def varied_payments(database: Database) -> list[Payment]:
    """Open payments of every kind: one bill, several, a part, with a late fee, an advance, unknown."""
    provider_id, another = new_id(), new_id()
    one, two, three = (bill_being_paid(provider_id) for _ in range(3))
    half, late = bill_being_paid(another), bill_being_paid(another, late_fee_fen=100, paid_fen=1000)
    ahead, unknown = bill_being_paid(provider_id, kind=BillKind.ADVANCE), bill_being_paid(provider_id)
    bills: list[Bill] = [one, two, three, half, late, ahead, unknown]
    payments = [
        payment_of(provider_id, [line_of(one)]),
        payment_of(provider_id, [line_of(two), line_of(three)]),
        payment_of(another, [line_of(half, amount_fen=40)]),
        payment_of(another, [line_of(late, late_fee_fen=60)]),
        payment_of(provider_id, [line_of(ahead)]),
        payment_of(provider_id, [line_of(unknown)], PaymentStatus.UNKNOWN),
    ]
    payments[4].person_id = payments[0].person_id
    await keep(database, bills, payments)
    return payments


_TABLES = text("""
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
""")


async def rows_of(tx: AsyncSession, known: set[str]) -> dict[str, list[str]]:
    """All rows of all tables as text, with times and new ids masked."""
    rows = {}
    for table in set(await tx.scalars(_TABLES)) - _EXCLUDED_TABLES:
        shown = "to_jsonb(t) - 'payload' || jsonb_build_object('payload', convert_from(payload, 'UTF8')::jsonb)"
        found = await tx.scalars(
            text(f"SELECT {shown if table == 'outbox' else 'to_jsonb(t)'} FROM {table} AS t")  # noqa: S608 - catalogue names
        )
        rows[table] = sorted(_masked(row, known) for row in found)
    return rows


def _masked(row: dict[str, Any], known: set[str]) -> str:
    shown = json.dumps(row, sort_keys=True)
    return _TIME.sub("(time)", _UUID.sub(lambda found: found[0] if found[0] in known else "(new id)", shown))


async def ids_in(tx: AsyncSession) -> set[str]:
    tables = await tx.scalars(_TABLES)
    found = [await tx.scalars(text(f"SELECT to_jsonb(t)::text FROM {table} AS t")) for table in tables]  # noqa: S608
    return {name for rows in found for row in rows for name in _UUID.findall(row)}


async def read(channel: NotifyingChannel, key: RSAPrivateKey, payments: Sequence[Payment]) -> list[PaidNotice]:
    messages = [signed(key, notice_of(payment)) for payment in payments]
    notices = [await channel.read_notice(headers, raw) for raw, headers in messages]
    return [notice for notice in notices if isinstance(notice, PaidNotice)]


async def test_together_or_one_by_one_leaves_the_same_rows(
    database: Database, settings: Settings, rsa_keys: dict[str, RSAPrivateKey]
) -> None:
    payments = await varied_payments(database)
    async with database.read() as tx:
        known = await ids_in(tx)
    async with open_channels(settings) as channels:
        channel: Any = channels[SANDBOX]
        notices = await read(channel, rsa_keys["channel_key"], payments)
    await database.engine.dispose()  # a database can only be cloned without connections
    async with cloned(database.engine.url) as url:
        another = Database(url)
        for notice in notices:
            async with another.transaction() as tx:
                assert await take_notice(tx, SANDBOX, notice, "my-ili") is None
        async with another.read() as tx:
            one_by_one = await rows_of(tx, known)
        await another.close()
    received = [ReceivedNotice(SANDBOX, notice, "my-ili", None) for notice in notices]
    async with database.transaction() as tx:
        assert set(await capture_batch(tx, received)) == set(received)
    async with database.read() as tx:
        together = await rows_of(tx, known)
    made = {table: len(together[table]) for table in ("postings", "receipts", "outbox", "ledger_entries")}
    assert made == {"postings": 7, "receipts": 6, "outbox": 6, "ledger_entries": 12}
    assert together == one_by_one
