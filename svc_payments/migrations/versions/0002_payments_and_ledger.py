"""Payments, their channel and ledger, postings and receipts.

The ledger keeps itself right: its triggers know that entries are whole, balanced, final, and counted in the balances.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateSequence, DropSequence

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A transfer's entries come in one statement and are checked with it: nobody ever sees an unbalanced transfer, and one
# that is there already takes no further entries, not even balanced ones.
_POST_ENTRIES = """
CREATE FUNCTION post_ledger_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM written GROUP BY transfer_id HAVING sum(amount_fen) <> 0) THEN
        RAISE EXCEPTION 'the entries of a transfer must sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM ledger_entries WHERE transfer_id IN (SELECT transfer_id FROM written)
        AND position NOT IN (SELECT position FROM written)
    ) THEN
        RAISE EXCEPTION 'a transfer is final: it takes no further entries' USING ERRCODE = 'check_violation';
    END IF;
    -- Locked in one order everywhere, so that transfers crossing each other cannot deadlock.
    PERFORM FROM ledger_accounts WHERE id IN (SELECT account_id FROM written) ORDER BY id FOR NO KEY UPDATE;
    UPDATE ledger_accounts
    SET debit_fen = debit_fen + moved.debit, credit_fen = credit_fen + moved.credit
    FROM (
        SELECT account_id, sum(greatest(amount_fen, 0)) AS debit, sum(greatest(-amount_fen, 0)) AS credit
        FROM written GROUP BY account_id
    ) AS moved
    WHERE id = moved.account_id;
    RETURN NULL;
END $$
"""
_KEEP_BALANCES = """
CREATE FUNCTION keep_ledger_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Depth 1 is somebody's own statement; the trigger above writes at depth 2.
    IF pg_trigger_depth() < 2 AND (TG_OP = 'UPDATE' OR NEW.debit_fen <> 0 OR NEW.credit_fen <> 0) THEN
        RAISE EXCEPTION 'a balance is what the entries make it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
_REFUSE_EMPTY_TRANSFER = """
CREATE FUNCTION refuse_empty_ledger_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_entries WHERE transfer_id = NEW.id) THEN
        RAISE EXCEPTION 'a transfer has entries' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""
_TRIGGERS = (
    """
    CREATE TRIGGER post_entries AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION post_ledger_entries()
    """,
    """
    CREATE TRIGGER keep_balances BEFORE INSERT OR UPDATE ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION keep_ledger_balances()
    """,
    """
    CREATE CONSTRAINT TRIGGER refuse_empty AFTER INSERT ON ledger_transfers DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse_empty_ledger_transfer()
    """,
    # refuse_change came with the first migration.
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    op.create_table(
        "channel_nonces",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("channel", "nonce", name=op.f("pk_channel_nonces")),
    )
    op.create_index(op.f("ix_channel_nonces_seen_at"), "channel_nonces", ["seen_at"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('unknown_order', 'other_merchant', 'other_amount', 'other_currency', 'second_transaction', "
            "'transaction_reused', 'money_held', 'posting_refused')",
            name=op.f("ck_incidents_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_incidents_kind_subject")),
    )
    op.create_table(
        "ledger_accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("debit_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credit_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('channel_receivable', 'provider_payable', 'suspense')", name=op.f("ck_ledger_accounts_kind")
        ),
        sa.CheckConstraint("debit_fen >= 0 AND credit_fen >= 0", name=op.f("ck_ledger_accounts_totals_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_accounts")),
        sa.UniqueConstraint("kind", "holder", name=op.f("uq_ledger_accounts_kind_holder")),
    )
    op.create_table(
        "ledger_transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('payment_captured', 'payment_held')", name=op.f("ck_ledger_transfers_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transfers")),
        sa.UniqueConstraint("reference_id", "kind", name=op.f("uq_ledger_transfers_reference_id_kind")),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('created', 'pending', 'unknown', 'captured', 'posting', 'completed', 'failed', 'expired')",
            name=op.f("ck_payments_status"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payments_amount_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
    )
    op.create_index("ix_payments_person_id_id", "payments", ["person_id", "id"], unique=False)
    op.create_index(
        "ix_payments_unconfirmed",
        "payments",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'created'"),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_ledger_entries_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ledger_accounts.id"], name=op.f("fk_ledger_entries_account_id_ledger_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["ledger_transfers.id"], name=op.f("fk_ledger_entries_transfer_id_ledger_transfers")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_ledger_entries")),
    )
    op.create_index("ix_ledger_entries_account_id_position", "ledger_entries", ["account_id", "position"], unique=False)
    op.create_index("ix_ledger_entries_transfer_id", "ledger_entries", ["transfer_id"], unique=False)
    op.create_table(
        "payment_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("pay_url", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.Text(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_attempts_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_attempts")),
        sa.UniqueConstraint("channel", "transaction_id", name=op.f("uq_payment_attempts_channel_transaction_id")),
        sa.UniqueConstraint("order_number", name=op.f("uq_payment_attempts_order_number")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_payment_attempts_payment_id")),
    )
    op.create_index(
        "ix_payment_attempts_due",
        "payment_attempts",
        ["ask_at"],
        unique=False,
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    )
    op.create_table(
        "payment_lines",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_payment_lines_bill_id_bills")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_lines_payment_id_payments")),
        sa.PrimaryKeyConstraint("payment_id", "bill_id", name=op.f("pk_payment_lines")),
    )
    op.create_index(
        "uq_payment_lines_open_bill",
        "payment_lines",
        ["bill_id"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "postings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_number", sa.Text(), nullable=False),
        sa.Column("bill_number", sa.Text(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("provider_reference", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'sending', 'unknown', 'booked', 'refused')", name=op.f("ck_postings_status")
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_postings_bill_id_bills")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_postings_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postings")),
        sa.UniqueConstraint("payment_id", "bill_id", name=op.f("uq_postings_payment_id_bill_id")),
        sa.UniqueConstraint("position", name=op.f("uq_postings_position")),
    )
    op.create_index(
        "ix_postings_due",
        "postings",
        ["provider_id", "try_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'sending', 'unknown')"),
    )
    op.create_index("ix_postings_status_id", "postings", ["status", "id"], unique=False)
    op.create_index(
        "ix_postings_unsettled_of_account",
        "postings",
        ["provider_id", "account_number", "position"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'sending', 'unknown')"),
    )
    op.create_table(
        "receipts",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_receipts_payment_id_payments")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("number", name=op.f("uq_receipts_number")),
    )
    op.execute(CreateSequence(sa.Sequence("receipt_numbers")))
    for statement in (_POST_ENTRIES, _KEEP_BALANCES, _REFUSE_EMPTY_TRANSFER, *_TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("receipts")
    op.drop_index(
        "ix_postings_unsettled_of_account",
        table_name="postings",
        postgresql_where=sa.text("status IN ('pending', 'sending', 'unknown')"),
    )
    op.drop_index("ix_postings_status_id", table_name="postings")
    op.drop_index(
        "ix_postings_due",
        table_name="postings",
        postgresql_where=sa.text("status IN ('pending', 'sending', 'unknown')"),
    )
    op.drop_table("postings")
    op.drop_index(
        "uq_payment_lines_open_bill", table_name="payment_lines", postgresql_where=sa.text("released_at IS NULL")
    )
    op.drop_table("payment_lines")
    op.drop_index(
        "ix_payment_attempts_due", table_name="payment_attempts", postgresql_where=sa.text("ask_at IS NOT NULL")
    )
    op.drop_table("payment_attempts")
    op.drop_index("ix_ledger_entries_transfer_id", table_name="ledger_entries")
    op.drop_index("ix_ledger_entries_account_id_position", table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index("ix_payments_unconfirmed", table_name="payments", postgresql_where=sa.text("status = 'created'"))
    op.drop_index("ix_payments_person_id_id", table_name="payments")
    op.drop_table("payments")
    op.drop_table("ledger_transfers")
    op.drop_table("ledger_accounts")
    op.drop_table("incidents")
    op.drop_index(op.f("ix_channel_nonces_seen_at"), table_name="channel_nonces")
    op.drop_table("channel_nonces")
    for function in ("post_ledger_entries", "keep_ledger_balances", "refuse_empty_ledger_transfer"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute(DropSequence(sa.Sequence("receipt_numbers")))
