"""The audit trail becomes a hash chain, and the ledger's chain seals the facts of the payments it moves money for.

Links of the ledger have a second format from here on: they name the database role that wrote them, and hold what was
captured and booked. What is older keeps the first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import create_trail, drop_trail
from kit.audit.sealing import ROW, SealedTable, without

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_POLLING = ("asked", "ask_at")
# The lines of a settlement are final once they are in it; one figure for all of them keeps the trail short.
_LINES = f"""
    jsonb_build_object('lines', (
        SELECT encode(sha256(convert_to(coalesce(string_agg(
            concat_ws(' ', line.transfer_id, line.amount_fen, line.fee_fen), E'\\n' ORDER BY line.transfer_id
        ), ''), 'UTF8')), 'hex')
        FROM settlement_lines AS line WHERE line.settlement_id = {ROW}.id
    ))
"""  # noqa: S608 - of our own texts
_FILE = f"jsonb_build_object('content', encode(sha256({ROW}.content), 'hex'))"

_SEALED = (
    SealedTable("audit_records"),
    SealedTable("manual_actions"),
    SealedTable("settlements", f"to_jsonb({ROW}) || {_LINES}"),
    SealedTable("transfer_files", f"{without('content')} || {_FILE}"),
    SealedTable("refunds", without(*_POLLING)),
    SealedTable("second_transactions"),
    SealedTable("till_sessions"),
    SealedTable("till_payments", key=f"{ROW}.payment_id::text"),
    SealedTable("till_payouts", key=f"{ROW}.refund_id::text"),
    SealedTable("till_counts"),
)

# Each expression has one transfer as `transfer`. Whatever of these rows still changes later follows from other rows.
_PAYMENT = """
    SELECT jsonb_build_object(
        'payments', to_jsonb(payment) - ARRAY['status', 'refunded_fen', 'refunding_fen', 'completed_at'],
        'payment_attempts', (
            SELECT jsonb_agg(
                to_jsonb(attempt) - ARRAY['asked', 'ask_at', 'pay_url', 'pay_parameters'] ORDER BY attempt.id
            ) FROM payment_attempts AS attempt WHERE attempt.payment_id = payment.id
        ),
        'payment_lines', (
            SELECT jsonb_agg(
                to_jsonb(line) - ARRAY['refunded_fen', 'refunding_fen', 'released_at'] ORDER BY line.bill_id
            ) FROM payment_lines AS line WHERE line.payment_id = payment.id
        ),
        'receipts', (
            SELECT jsonb_agg(to_jsonb(receipt) ORDER BY receipt.number)
            FROM receipts AS receipt WHERE receipt.payment_id = payment.id
        )
    )
    FROM payments AS payment WHERE payment.id = transfer.reference_id
"""
_POSTING = """
    SELECT jsonb_build_object('postings', to_jsonb(posting) - ARRAY[
        'status', 'tries', 'try_at', 'refusal', 'prepaid_kind', 'prepaid_token', 'prepaid_state', 'given_up_at',
        'settled_at'
    ])
    FROM postings AS posting WHERE posting.id = transfer.reference_id
"""
_FACTS = f"""
    CASE WHEN transfer.kind IN ('payment_captured', 'payment_held') THEN ({_PAYMENT})
    WHEN transfer.kind = 'bill_booked' THEN ({_POSTING}) END
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
# What is hashed stands in svc_payments/ledger/chain.py too, which proves the chain without asking these functions.
_SEAL = """
CREATE FUNCTION seal_ledger_link(content text, first_one bigint, last_one bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    before ledger_links;
    this ledger_links;
    facts text;
BEGIN
    SELECT * INTO before FROM ledger_links ORDER BY number DESC LIMIT 1;
    SELECT string_agg(concat_ws(' ', 'fact', fact.position, fact.transfer_id, fact.content), E'\\n'
        ORDER BY fact.position) INTO facts
    FROM ledger_facts AS fact WHERE fact.position BETWEEN first_one AND last_one;
    this.number := coalesce(before.number, 0) + 1;
    this.previous_hash := coalesce(before.hash, decode(repeat('00', 32), 'hex'));
    this.first_position := first_one;
    this.last_position := last_one;
    -- A clock that is set back does not put a later link before an earlier one.
    this.sealed_at := greatest(clock_timestamp(), before.sealed_at);
    this.format := 2;
    this.written_by := session_user;
    this.hash := sha256(convert_to(concat_ws(
        E'\\n', 'myili-ledger-2', this.number, encode(this.previous_hash, 'hex'),
        (extract(epoch FROM this.sealed_at) * 1000000)::bigint, this.written_by, content, facts
    ), 'UTF8'));
    INSERT INTO ledger_links SELECT this.*;
END $$
"""
_POST_ENTRIES = f"""
CREATE FUNCTION post_sealed_entries() RETURNS trigger LANGUAGE plpgsql SET timezone TO 'UTC' AS $$
DECLARE
    posted record;
BEGIN
    IF EXISTS (SELECT FROM written GROUP BY transfer_id HAVING sum(amount_fen) <> 0) THEN
        RAISE EXCEPTION 'the entries of a transfer must sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    {_CONTENT};
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
        SELECT entry.position, transfer.id, {_FACTS} AS content
        FROM (SELECT transfer_id, min(position) AS position FROM written GROUP BY transfer_id) AS entry
        JOIN ledger_transfers AS transfer ON transfer.id = entry.transfer_id
    ) AS fact WHERE content IS NOT NULL;
    PERFORM seal_ledger_link(posted.content, posted.first_one, posted.last_one);
    RETURN NULL;
END $$
"""  # noqa: S608 - nothing but texts of this module
_POST = """
CREATE TRIGGER post_entries AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION {function}()
"""
_TRIGGERS = (
    "DROP TRIGGER post_entries ON ledger_entries",
    _POST.format(function="post_sealed_entries"),
    # refuse_change came with the first migration, keep_ledger_chain with 0009.
    *(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
        for table in ("ledger_facts", "receipts")
    ),
    """
    CREATE TRIGGER keep_chain BEFORE INSERT ON ledger_facts
    FOR EACH STATEMENT EXECUTE FUNCTION keep_ledger_chain()
    """,
)
_REFUSE_LOSS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger_links WHERE format = 2) THEN
        RAISE EXCEPTION 'links of the second format could not be proven any more';
    END IF;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "ledger_facts",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_ledger_facts")),
    )
    op.add_column("ledger_links", sa.Column("format", sa.SmallInteger(), server_default="1", nullable=False))
    op.add_column("ledger_links", sa.Column("written_by", sa.Text(), nullable=True))
    for statement in (_SEAL, _POST_ENTRIES, *_TRIGGERS):
        op.execute(statement)
    create_trail(_SEALED)


def downgrade() -> None:
    """Back to the schema before; refused once money has moved since."""
    op.execute(_REFUSE_LOSS)
    drop_trail(_SEALED)
    op.execute("DROP TRIGGER append_only ON receipts")
    op.execute("DROP TRIGGER post_entries ON ledger_entries")
    op.execute(_POST.format(function="post_ledger_entries"))
    op.execute("DROP FUNCTION post_sealed_entries()")
    op.execute("DROP FUNCTION seal_ledger_link(text, bigint, bigint)")
    op.drop_column("ledger_links", "written_by")
    op.drop_column("ledger_links", "format")
    op.drop_table("ledger_facts")
