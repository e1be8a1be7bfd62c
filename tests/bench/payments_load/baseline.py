"""The baseline: pgbench calling one function that does to the database, for one payment, what its notice does.

The function is the plainest way to write it: the same rows, checks, locks and triggers in one transaction, but no
service, no HTTP and no signature. It reads the notices from a table, by number.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from chassis.migrations import Roles
from tests.bench.payments_load.open_payments import Open
from tests.bench.pgbench import transactions_per_second

CLIENTS = 8

_CAPTURE_ONE = """
CREATE FUNCTION bench.capture_one(wanted bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    notice bench.notices;
    payment payments;
    attempt payment_attempts;
    line payment_lines;
    bill bills;
    receipt text;
    clearing uuid;
    receivable uuid;
    moved uuid := uuidv7();
    event uuid := uuidv7();
BEGIN
    SELECT * INTO STRICT notice FROM bench.notices WHERE number = wanted;
    INSERT INTO channel_nonces (channel, nonce, body_hash) VALUES ('sandbox', notice.nonce, notice.body_hash)
    ON CONFLICT DO NOTHING;
    SELECT payments.* INTO STRICT payment FROM payments JOIN payment_attempts ON payment_id = payments.id
    WHERE payment_attempts.channel = 'sandbox' AND order_number = notice.order_number FOR UPDATE OF payments;
    SELECT * INTO STRICT attempt FROM payment_attempts WHERE payment_id = payment.id;
    IF payment.status NOT IN ('pending', 'unknown') OR attempt.transaction_id IS NOT NULL
    OR payment.amount_fen <> notice.amount_fen OR EXISTS (
        SELECT FROM payment_attempts WHERE channel = 'sandbox' AND transaction_id = notice.transaction_id
    ) THEN
        RAISE EXCEPTION 'not the ordinary case';
    END IF;
    UPDATE payments SET status = 'captured', captured_at = now() WHERE id = payment.id;
    UPDATE payment_attempts SET transaction_id = notice.transaction_id, paid_at = now(), ask_at = NULL
    WHERE id = attempt.id;
    FOR line IN SELECT * FROM payment_lines WHERE payment_id = payment.id ORDER BY bill_id LOOP
        SELECT * INTO STRICT bill FROM bills WHERE id = line.bill_id FOR UPDATE;
        UPDATE bills SET late_fee_fen = late_fee_fen + line.late_fee_fen, paid_fen = paid_fen + line.amount_fen,
            status = CASE WHEN amount_fen + late_fee_fen - paid_fen = line.amount_fen - line.late_fee_fen
                     THEN 'paid' ELSE 'due' END
        WHERE id = line.bill_id AND status = 'paying';
    END LOOP;
    receipt := to_char(now() AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD')
        || lpad(nextval('receipt_numbers')::text, 10, '0');
    INSERT INTO receipts (payment_id, number, issued_at) VALUES (payment.id, receipt, now());
    SELECT id INTO clearing FROM ledger_accounts WHERE kind = 'person_clearing' AND holder = payment.person_id::text;
    SELECT id INTO receivable FROM ledger_accounts WHERE kind = 'channel_receivable' AND holder = 'sandbox';
    IF clearing IS NULL OR receivable IS NULL THEN
        INSERT INTO ledger_accounts (id, kind, holder)
        VALUES (uuidv7(), 'person_clearing', payment.person_id::text), (uuidv7(), 'channel_receivable', 'sandbox')
        ON CONFLICT DO NOTHING;
        SELECT id INTO STRICT clearing FROM ledger_accounts
        WHERE kind = 'person_clearing' AND holder = payment.person_id::text;
        SELECT id INTO STRICT receivable FROM ledger_accounts
        WHERE kind = 'channel_receivable' AND holder = 'sandbox';
    END IF;
    INSERT INTO ledger_transfers (id, kind, reference_id) VALUES (moved, 'payment_captured', payment.id);
    INSERT INTO ledger_entries (transfer_id, account_id, amount_fen)
    VALUES (moved, receivable, payment.amount_fen), (moved, clearing, -payment.amount_fen);
    INSERT INTO postings (id, payment_id, bill_id, provider_id, receipt_number, bill_number, account_number, amount_fen,
        kind, late_fee_fen, bill_amount_fen, paid_at, status, tries)
    SELECT uuidv7(), payment.id, bills.id, payment.provider_id, receipt, bills.bill_number, bills.account_number,
        payment_lines.amount_fen, bills.kind, payment_lines.late_fee_fen, bills.amount_fen, now(), 'pending', 0
    FROM payment_lines JOIN bills ON bills.id = payment_lines.bill_id
    WHERE payment_lines.payment_id = payment.id ORDER BY bills.id;
    INSERT INTO outbox (id, topic, key, payload) VALUES (event, 'ili.payments.payment.v1', payment.id::text, convert_to(
        jsonb_build_object(
            'specversion', '1.0', 'id', event, 'type', 'cn.ili.payments.payment.captured.v1', 'source', '/payments',
            'subject', payment.id, 'time', now(), 'datacontenttype', 'application/json', 'data', jsonb_build_object(
                'payment_id', payment.id, 'person_id', payment.person_id, 'provider_id', payment.provider_id,
                'bill_ids', (SELECT jsonb_agg(bill_id) FROM payment_lines WHERE payment_id = payment.id),
                'amount_fen', payment.amount_fen, 'currency', 'CNY', 'channel', payment.channel,
                'status', 'captured', 'held', payment.held, 'refunded_fen', payment.refunded_fen
            ))::text, 'UTF8'));
    NOTIFY myili_outbox;
END $$
"""

_SCRIPT = """
\\set n :first + :client_id * :each + :done
\\set done :done + 1
SELECT bench.capture_one(:n);
"""


async def prepare(connection: asyncpg.Connection) -> None:
    await connection.execute(_CAPTURE_ONE)
    role = Roles.of("svc_payments").runtime
    await connection.execute(f'GRANT USAGE ON SCHEMA bench TO "{role}"')
    await connection.execute(f'GRANT SELECT ON bench.notices TO "{role}"')


async def capture_all(database: str, folder: Path, opened: Sequence[Open]) -> float:
    """Payments per second that pgbench captures of these, which must have consecutive numbers."""
    script = folder / "capture.pgbench"
    script.write_text(_SCRIPT)
    each = len(opened) // CLIENTS
    options = (f"--define=each={each}", f"--define=first={opened[0].number}", "--define=done=0")
    return await asyncio.to_thread(transactions_per_second, database, script, *options, clients=CLIENTS, each=each)
