"""Open payments at the sandbox channel, inserted in bulk, and the content of each one's notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

MOST_PROVIDERS = 100
_SCHEMA = """
CREATE SCHEMA bench;
CREATE TABLE bench.providers AS SELECT number, uuidv7() AS id FROM generate_series(0, $providers - 1) AS number;
CREATE TABLE bench.persons AS SELECT number, uuidv7() AS id FROM generate_series(0, $persons - 1) AS number;
CREATE TABLE bench.notices (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid NOT NULL DEFAULT uuidv7(),
    bill_id uuid NOT NULL DEFAULT uuidv7(),
    order_number text NOT NULL DEFAULT replace(uuidv7()::text, '-', ''),
    transaction_id text NOT NULL DEFAULT replace(uuidv7()::text, '-', ''),
    nonce text NOT NULL DEFAULT md5(random()::text),
    body_hash bytea NOT NULL DEFAULT sha256(uuid_send(uuidv7())),
    person_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    amount_fen bigint NOT NULL
);
INSERT INTO providers (provider_id, kind, name, endpoint_url, as_of)
SELECT id, 'water', 'Sample Water Company ' || number, 'http://127.0.0.1:1', now() FROM bench.providers;
"""
# One bill each, as most payments have; every person pays once in a round.
_PLAN = """
CREATE TEMPORARY TABLE planned ON COMMIT DROP AS
WITH made AS (
    INSERT INTO bench.notices (person_id, provider_id, amount_fen)
    SELECT persons.id, providers.id, 4000 + persons.number % 1000
    FROM bench.persons JOIN bench.providers ON providers.number = persons.number % $providers
    WHERE persons.number < $payments ORDER BY persons.number RETURNING *
) SELECT * FROM made
"""
_OPEN = """
INSERT INTO bills (id, provider_id, bill_number, account_number, period, usage, amount_fen, due_date, status)
SELECT bill_id, provider_id, 'B-' || number, 'A-' || number, date_trunc('month', now()), 12, amount_fen,
       now() + interval '20 days', 'paying'
FROM planned;
INSERT INTO payments (id, person_id, provider_id, channel, amount_fen, status, held, expires_at)
SELECT payment_id, person_id, provider_id, 'sandbox', amount_fen, 'pending', false, now() + interval '30 minutes'
FROM planned;
INSERT INTO payment_lines (payment_id, bill_id, amount_fen) SELECT payment_id, bill_id, amount_fen FROM planned;
INSERT INTO payment_attempts (id, payment_id, channel, order_number, pay_url, asked, ask_at)
SELECT order_number::uuid, payment_id, 'sandbox', order_number, 'https://pay.example/' || order_number, 0,
       now() + interval '1 minute'
FROM planned;
"""


@dataclass(frozen=True)
class Open:
    """An open payment and the content of its notice."""

    number: int
    payment_id: UUID
    order_number: str
    transaction_id: str
    amount_fen: int


async def prepare(connection: asyncpg.Connection, persons: int) -> None:
    await connection.execute(_with(_SCHEMA, persons=persons, providers=MOST_PROVIDERS))


async def open_payments(connection: asyncpg.Connection, payments: int, providers: int) -> list[Open]:
    """Open so many payments to so many providers, with consecutive numbers."""
    async with connection.transaction():
        await connection.execute(_with(_PLAN, payments=payments, providers=providers))
        await connection.execute(_OPEN)
        made = await connection.fetch(
            "SELECT number, payment_id, order_number, transaction_id, amount_fen FROM planned ORDER BY number"
        )
    # So that no round pays for the vacuum of another.
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    return [Open(*row) for row in made]


def _with(script: str, **numbers: int) -> str:
    for name, number in numbers.items():
        script = script.replace(f"${name}", str(number))
    return script


_LEFT = """
SELECT count(*) FROM bench.notices
JOIN payments ON payments.id = payment_id JOIN payment_attempts ON payment_attempts.payment_id = payments.id
JOIN bills ON bills.id = bill_id
WHERE number BETWEEN $1 AND $2 AND NOT (
    payments.status = 'captured' AND payment_attempts.transaction_id = notices.transaction_id
    AND bills.status = 'paid' AND bills.paid_fen = notices.amount_fen
    AND (SELECT count(*) FROM receipts WHERE receipts.payment_id = payments.id) = 1
    AND (SELECT count(*) FROM postings WHERE postings.payment_id = payments.id) = 1
    AND (SELECT count(*) FROM ledger_transfers WHERE reference_id = payments.id) = 1
    AND (SELECT count(*) FROM outbox WHERE key = payments.id::text) = 1
)
"""


async def not_captured_once(connection: asyncpg.Connection, opened: Sequence[Open]) -> int:
    """The number of payments without exactly one capture, receipt, posting, ledger entry and event."""
    await connection.execute("CREATE INDEX IF NOT EXISTS ix_bench_outbox_key ON outbox (key)")
    left: int = await connection.fetchval(_LEFT, opened[0].number, opened[-1].number)
    await connection.execute("DROP INDEX ix_bench_outbox_key")
    return left
