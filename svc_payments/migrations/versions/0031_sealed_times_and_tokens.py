"""The ledger's chain seals more of lines and bookings; the trail seals postings that end unbooked, and mandates.

Facts that are sealed already keep the columns that they have.
"""

from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, without

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_PREPAID = "jsonb_build_object('prepaid_token', encode(sha256(convert_to({0}.prepaid_token || {0}.id, 'UTF8')), 'hex'))"
_SEALED = (
    SealedTable(
        "postings",
        f"{without('tries', 'try_at', 'prepaid_token')} || {_PREPAID.format(ROW)}",
        only=f"{ROW}.status IN ('refused', 'cancelled', 'kept')",
    ),
    SealedTable("mandates", without("asked", "ask_at", "look_at", "sign_url")),
)

_LINE = """
    (to_jsonb(line) - ARRAY['refunded_fen', 'refunding_fen'] || jsonb_build_object('released_at', CASE
        WHEN payment.held OR line.released_at = payment.captured_at THEN line.released_at
    END))
"""
_POSTING = f"""
    (to_jsonb(posting) - ARRAY[
        'status', 'tries', 'try_at', 'prepaid_token', 'prepaid_state', 'given_up_at', 'settled_at'
    ] || {_PREPAID.format("posting")})
"""
# As 0028 has them.
_LINE_BEFORE = "to_jsonb(line) - ARRAY['refunded_fen', 'refunding_fen', 'released_at']"
_POSTING_BEFORE = """
    to_jsonb(posting) - ARRAY[
        'status', 'tries', 'try_at', 'refusal', 'prepaid_kind', 'prepaid_token', 'prepaid_state', 'given_up_at',
        'settled_at'
    ]
"""
# Has one transfer as `transfer`.
_FACTS = """
    CASE WHEN transfer.kind IN ('payment_captured', 'payment_held') THEN (
            SELECT jsonb_build_object(
                'payments', to_jsonb(payment) - ARRAY['status', 'refunded_fen', 'refunding_fen', 'completed_at'],
                'payment_attempts', (
                    SELECT jsonb_agg(
                        to_jsonb(attempt) - ARRAY['asked', 'ask_at', 'pay_url', 'pay_parameters'] ORDER BY attempt.id
                    ) FROM payment_attempts AS attempt WHERE attempt.payment_id = payment.id
                ),
                'payment_lines', (
                    SELECT jsonb_agg(
                        {line} ORDER BY line.bill_id
                    ) FROM payment_lines AS line WHERE line.payment_id = payment.id
                ),
                'receipts', (
                    SELECT jsonb_agg(to_jsonb(receipt) ORDER BY receipt.number)
                    FROM receipts AS receipt WHERE receipt.payment_id = payment.id
                )
            )
            FROM payments AS payment WHERE payment.id = transfer.reference_id
    )
    WHEN transfer.kind = 'bill_booked' THEN (
        SELECT jsonb_build_object('postings', {posting})
        FROM postings AS posting WHERE posting.id = transfer.reference_id
    ) END
"""
_CONTENT = """
    SELECT string_agg(concat_ws(
        ' ', entry.position, transfer.id, transfer.kind, transfer.reference_id,
        (extract(epoch FROM transfer.created_at) * 1000000)::bigint, account.kind, account.holder, entry.amount_fen
    ), E'\\n' ORDER BY entry.position) AS content, min(entry.position) AS first_one, max(entry.position) AS last_one
    INTO STRICT posted FROM written AS entry
    JOIN ledger_transfers AS transfer ON transfer.id = entry.transfer_id
    JOIN ledger_accounts AS account ON account.id = entry.account_id
"""
_POST_ENTRIES = """
CREATE OR REPLACE FUNCTION post_sealed_entries() RETURNS trigger LANGUAGE plpgsql SET timezone TO 'UTC' AS $$
DECLARE
    posted record;
BEGIN
    IF EXISTS (SELECT FROM written GROUP BY transfer_id HAVING sum(amount_fen) <> 0) THEN
        RAISE EXCEPTION 'the entries of a transfer must sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    {content};
    IF posted.content IS NULL THEN
        RETURN NULL;
    END IF;
    IF posted.first_one <= (SELECT max(last_position) FROM ledger_links)
    OR posted.last_one > currval('ledger_entries_position_seq') THEN
        RAISE EXCEPTION 'entries are numbered by the ledger' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (
        SELECT FROM ledger_entries
        WHERE transfer_id IN (SELECT transfer_id FROM written) AND position < posted.first_one
    ) THEN
        RAISE EXCEPTION 'a transfer is final: it takes no further entries' USING ERRCODE = 'check_violation';
    END IF;
    -- The lock of the chain, taken before the entries, keeps transfers that cross each other from deadlocking here.
    UPDATE ledger_accounts
    SET debit_fen = debit_fen + moved.debit, credit_fen = credit_fen + moved.credit
    FROM (
        SELECT account_id, sum(greatest(amount_fen, 0)) AS debit, sum(greatest(-amount_fen, 0)) AS credit
        FROM written GROUP BY account_id
    ) AS moved
    WHERE id = moved.account_id;
    INSERT INTO ledger_facts (position, transfer_id, content)
    SELECT * FROM (
        SELECT entry.position, transfer.id, {facts} AS content
        FROM (SELECT transfer_id, min(position) AS position FROM written GROUP BY transfer_id) AS entry
        JOIN ledger_transfers AS transfer ON transfer.id = entry.transfer_id
    ) AS fact WHERE content IS NOT NULL;
    PERFORM seal_ledger_link(posted.content, posted.first_one, posted.last_one);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(_posting_entries(_LINE, _POSTING))
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.execute(_posting_entries(_LINE_BEFORE, _POSTING_BEFORE))


def _posting_entries(line: str, posting: str) -> str:
    return _POST_ENTRIES.format(content=_CONTENT, facts=_FACTS.format(line=line, posting=posting))
