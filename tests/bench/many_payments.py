"""Payments in any number with all that a paid and booked one leaves behind, made set by set in the database.

One payment pays one bill of one provider and has an order, a receipt and a posting. Of each hundred, 98 are booked.
The ledger is written by its own triggers as the role of the service, in as many links as live: one for a batch of
captures and one for each booking. Days before the last are settled and paid, one transfer file each.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import asyncpg

from chassis.migrations import Roles

PROVIDERS = 20
DAYS = 30
CAPTURES_A_LINK = 32
"""The service captures up to 64 notices in one transaction under load (`pay`), fewer when it is not busy."""
_AT_ONCE = 20_000
_COMMIT_EVERY = 960

_SCHEMA = f"""
    CREATE SCHEMA bench;
    GRANT USAGE ON SCHEMA bench TO {Roles.of("svc_payments").runtime};
    ALTER DEFAULT PRIVILEGES IN SCHEMA bench GRANT SELECT ON TABLES TO {Roles.of("svc_payments").runtime};
"""
# Persons pay about once a month; every hundredth payment waits for its provider, every hundredth for its turn.
_DRAW = """
    CREATE UNLOGGED TABLE bench.drawn AS
    SELECT n, uuidv7(at - now()) AS payment_id, uuidv7(at - now() - interval '3 days') AS bill_id, uuidv7() AS capture,
        uuidv7(at - now() + interval '2 seconds') AS posting_id, uuidv7() AS booking,
        md5('payer ' || n * 7919 % ($2::bigint / 2 + 1))::uuid AS person_id,
        md5('provider ' || n * 31 % $4)::uuid AS provider_id,
        md5('order ' || n) AS order_number, '4200' || lpad((n * 7919)::text, 24, '0') AS transaction_id,
        100 + n * 104729 % 50000 AS amount_fen, at AS paid_at, n % 100 < 98 AS booked,
        to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || lpad(n::text, 10, '0') AS receipt_number
    FROM (SELECT n, $1::timestamptz + n * $3::interval AS at FROM generate_series(0, $2::bigint - 1) AS n) AS moments
"""
_ROWS = (
    """
    INSERT INTO providers (provider_id, kind, name, endpoint_url, as_of)
    SELECT DISTINCT provider_id, 'water', 'Sample company', 'http://127.0.0.1:1', now() FROM bench.drawn
    """,
    "SELECT ensure_bill_partitions((now() - interval '3 months')::date, now()::date)",
    """
    INSERT INTO bills (id, provider_id, bill_number, account_number, period, usage, amount_fen, due_date, status,
        paid_fen, booked_fen, created_at)
    SELECT bill_id, provider_id, 'B-' || n, lpad((n % 999983)::text, 10, '0'), date_trunc('month', paid_at)::date, 12,
        amount_fen, paid_at::date + 20, CASE WHEN booked THEN 'posted' ELSE 'paid' END, amount_fen,
        CASE WHEN booked THEN amount_fen ELSE 0 END, paid_at - interval '3 days'
    FROM bench.drawn
    """,
    """
    INSERT INTO payments (id, person_id, provider_id, channel, amount_fen, status, held, expires_at, created_at,
        captured_at, completed_at)
    SELECT payment_id, person_id, provider_id, 'sandbox', amount_fen,
        CASE WHEN booked THEN 'completed' WHEN n % 100 = 99 THEN 'posting' ELSE 'captured' END, false,
        paid_at + interval '30 minutes', paid_at - interval '20 seconds', paid_at,
        CASE WHEN booked THEN paid_at + interval '3 seconds' END
    FROM bench.drawn
    """,
    """
    INSERT INTO payment_lines (payment_id, bill_id, amount_fen) SELECT payment_id, bill_id, amount_fen FROM bench.drawn
    """,
    """
    INSERT INTO payment_attempts (id, payment_id, channel, order_number, method, pay_url, transaction_id, paid_at,
        created_at, asked)
    SELECT uuidv7(paid_at - now()), payment_id, 'sandbox', order_number, 'app', 'https://pay.example/' || order_number,
        transaction_id, paid_at, paid_at - interval '10 seconds', 0
    FROM bench.drawn
    """,
    """
    INSERT INTO receipts (payment_id, number, issued_at) SELECT payment_id, receipt_number, paid_at FROM bench.drawn
    """,
    """
    INSERT INTO postings (id, payment_id, bill_id, provider_id, receipt_number, bill_number, account_number, amount_fen,
        bill_amount_fen, paid_at, status, provider_reference, tries, try_at, created_at, settled_at)
    SELECT posting_id, payment_id, bill_id, provider_id, receipt_number, 'B-' || n,
        lpad((n % 999983)::text, 10, '0'), amount_fen, amount_fen, paid_at,
        CASE WHEN booked THEN 'booked' WHEN n % 100 = 99 THEN 'sending' ELSE 'pending' END,
        CASE WHEN booked THEN 'R-' || n END, 1, paid_at, paid_at,
        CASE WHEN booked THEN paid_at + interval '3 seconds' END
    FROM bench.drawn
    """,
)
# As the service: the ledger states who wrote each link, and the trail who wrote each row.
_ACCOUNTS = """
    INSERT INTO ledger_accounts (id, kind, holder, created_at)
    SELECT uuidv7(), 'channel_receivable', 'sandbox', min(paid_at) FROM bench.drawn
    UNION ALL SELECT uuidv7(), 'person_clearing', person_id::text, min(paid_at) FROM bench.drawn GROUP BY person_id
    UNION ALL SELECT uuidv7(), 'provider_payable', provider_id::text, min(paid_at) + interval '3 seconds'
    FROM bench.drawn WHERE booked GROUP BY provider_id
"""
_POST = f"""
    CREATE PROCEDURE bench.post(first bigint, past bigint) LANGUAGE plpgsql AS $$
    DECLARE
        channel uuid := (SELECT id FROM ledger_accounts WHERE kind = 'channel_receivable');
        payer uuid;
        provider uuid;
        this bench.drawn;
    BEGIN
        FOR batch IN first .. past - 1 BY {CAPTURES_A_LINK} LOOP
            INSERT INTO ledger_transfers (id, kind, reference_id, created_at)
            SELECT capture, 'payment_captured', payment_id, paid_at FROM bench.drawn
            WHERE n >= batch AND n < least(batch + {CAPTURES_A_LINK}, past) ORDER BY n;
            INSERT INTO ledger_entries (transfer_id, account_id, amount_fen)
            SELECT capture, leg.account_id, leg.amount_fen FROM bench.drawn
            JOIN ledger_accounts AS account ON account.kind = 'person_clearing' AND account.holder = person_id::text
            CROSS JOIN LATERAL (VALUES (channel, drawn.amount_fen), (account.id, -drawn.amount_fen))
                AS leg (account_id, amount_fen)
            WHERE n >= batch AND n < least(batch + {CAPTURES_A_LINK}, past) ORDER BY n;
            FOR this IN
                SELECT * FROM bench.drawn
                WHERE n >= batch AND n < least(batch + {CAPTURES_A_LINK}, past) AND booked ORDER BY n
            LOOP
                SELECT id INTO STRICT payer FROM ledger_accounts
                WHERE kind = 'person_clearing' AND holder = this.person_id::text;
                SELECT id INTO STRICT provider FROM ledger_accounts
                WHERE kind = 'provider_payable' AND holder = this.provider_id::text;
                INSERT INTO ledger_transfers (id, kind, reference_id, created_at)
                VALUES (this.booking, 'bill_booked', this.posting_id, this.paid_at + interval '3 seconds');
                INSERT INTO ledger_entries (transfer_id, account_id, amount_fen)
                VALUES (this.booking, payer, this.amount_fen), (this.booking, provider, -this.amount_fen);
            END LOOP;
            IF batch % {_COMMIT_EVERY} = 0 THEN
                COMMIT;
            END IF;
        END LOOP;
    END $$
"""  # noqa: S608 - our own numbers
_SETTLED = """
    CREATE UNLOGGED TABLE bench.settled AS
    SELECT uuidv7() AS id, provider_id, day, uuidv7() AS transfer, fen, bookings,
        dense_rank() OVER (ORDER BY day) AS file
    FROM (
        SELECT provider_id, CAST((paid_at + interval '3 seconds') AT TIME ZONE 'Asia/Shanghai' AS date) AS day,
            sum(amount_fen)::bigint AS fen, count(*) AS bookings
        FROM bench.drawn WHERE booked GROUP BY 1, 2
    ) AS days WHERE day < (SELECT CAST(max(paid_at) AT TIME ZONE 'Asia/Shanghai' AS date) FROM bench.drawn)
"""
# Rows that are sealed at each step, as the service writes them.
_SETTLE = (
    "INSERT INTO ledger_accounts (id, kind, holder) VALUES (uuidv7(), 'bank', 'settlement')",
    """
    INSERT INTO transfer_files (id, number, state, transfers, total_fen, content, generated_by)
    SELECT md5('file ' || file)::uuid, 'F' || file, 'generated', count(*), sum(fen), convert_to(
        string_agg(concat_ws(',', id, day, provider_id, fen), E'\\n'), 'UTF8'), 'one'
    FROM bench.settled GROUP BY file
    """,
    """
    INSERT INTO settlements (id, provider_id, day, status, bookings, booked_fen, returned_fen, fee_fen, payable_fen,
        held_bookings, held_fen)
    SELECT id, provider_id, day, 'closed', bookings, fen, 0, 0, fen, 0, 0 FROM bench.settled
    """,
    """
    INSERT INTO settlement_lines (transfer_id, provider_id, kind, reference_id, payment_id, amount_fen, moved_at,
        settlement_id)
    SELECT booking, provider_id, 'bill_booked', posting_id, payment_id, amount_fen, paid_at + interval '3 seconds',
        settled.id
    FROM bench.drawn JOIN bench.settled USING (provider_id)
    WHERE booked AND CAST((paid_at + interval '3 seconds') AT TIME ZONE 'Asia/Shanghai' AS date) = day
    """,
    """
    UPDATE settlements SET status = 'confirmed', confirmed_at = now(), transfer_file_id = md5('file ' || file)::uuid
    FROM bench.settled WHERE settled.id = settlements.id
    """,
    "UPDATE transfer_files SET state = 'sent', sent_by = 'other', sent_at = now()",
    "UPDATE transfer_files SET state = 'confirmed', confirmed_by = 'one', confirmed_at = now()",
    """
    INSERT INTO ledger_transfers (id, kind, reference_id) SELECT transfer, 'provider_settled', id FROM bench.settled
    """,
    """
    INSERT INTO ledger_entries (transfer_id, account_id, amount_fen)
    SELECT transfer, leg.account_id, leg.amount_fen FROM bench.settled
    JOIN ledger_accounts AS account ON account.kind = 'provider_payable' AND account.holder = provider_id::text
    CROSS JOIN LATERAL (VALUES (account.id, fen), ((SELECT id FROM ledger_accounts WHERE kind = 'bank'), -fen))
        AS leg (account_id, amount_fen)
    """,
)


async def fill(
    administrator: asyncpg.Connection,
    service: asyncpg.Connection,
    payments: int,
    anchor: Callable[[], Awaitable[object]],
) -> None:
    """Make so many payments of the last thirty days.

    Args:
        administrator: a connection that may create tables.
        service: a connection as the service's role.
        payments: how many.
        anchor: anchors what is there; called after every 20,000 payments.
    """
    began = time.perf_counter()
    # A server that is stopped while the data is made is started anew anyway.
    for connection in (administrator, service):
        await connection.execute("SET synchronous_commit = off")
    await _draw(administrator, payments)
    print(f"  {payments:,} payments await their money after {time.perf_counter() - began:.0f} s", flush=True)
    await service.execute(_ACCOUNTS)
    await administrator.execute(_POST)
    await administrator.execute(f"GRANT EXECUTE ON PROCEDURE bench.post TO {Roles.of('svc_payments').runtime}")
    await administrator.execute("VACUUM (ANALYZE)")
    # The triggers' plans are made while the ledger is empty, and have to hold when it is not.
    for plan in ("seqscan", "hashjoin", "mergejoin"):
        await service.execute(f"SET enable_{plan} = off")
    for begin in range(0, payments, _AT_ONCE):
        await service.execute(f"CALL bench.post({begin}, {min(begin + _AT_ONCE, payments)})")
        await anchor()
        if (done := min(begin + _AT_ONCE, payments)) % (5 * _AT_ONCE) == 0:
            print(f"  {done:,} are booked after {time.perf_counter() - began:.0f} s", flush=True)
    await administrator.execute(_SETTLED)
    async with service.transaction():
        for step in _SETTLE:
            await service.execute(step)
    await anchor()
    await administrator.execute("DROP SCHEMA bench CASCADE")
    # As autovacuum leaves them.
    await administrator.execute("VACUUM (ANALYZE)")


async def _draw(administrator: asyncpg.Connection, payments: int) -> None:
    """The payments and all that is there before they are captured."""
    await administrator.execute(_SCHEMA)
    first = datetime.now().astimezone() - timedelta(days=DAYS)
    await administrator.execute(_DRAW, first, payments, timedelta(days=DAYS) / payments, PROVIDERS)
    await administrator.execute("CREATE INDEX ON bench.drawn (n)")
    await administrator.execute("ANALYZE bench.drawn")
    for rows in _ROWS:
        await administrator.execute(rows)
