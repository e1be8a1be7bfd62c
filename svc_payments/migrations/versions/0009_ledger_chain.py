"""The ledger's hash chain: each statement that posts entries is a link, sealed with the one before; and its anchors.

From here on the entries of a statement have positions that follow each other in the order of commit, because the
chain is locked before the first of them is numbered and until the transaction ends.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_LOCK_CHAIN = """
CREATE FUNCTION lock_ledger_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('myili ledger chain'));
    RETURN NULL;
END $$
"""
# What is hashed stands in svc_payments/ledger/chain.py too, which proves the chain without asking these functions.
_CONTENT = """
    SELECT string_agg(concat_ws(
        ' ', entry.position, transfer.id, transfer.kind, transfer.reference_id,
        (extract(epoch FROM transfer.created_at) * 1000000)::bigint, account.kind, account.holder, entry.amount_fen
    ), E'\\n' ORDER BY entry.position) AS content, min(entry.position) AS first_one, max(entry.position) AS last_one
    {into} FROM {entries} AS entry
    JOIN ledger_transfers AS transfer ON transfer.id = entry.transfer_id
    JOIN ledger_accounts AS account ON account.id = entry.account_id
"""
_SEAL = """
CREATE FUNCTION seal_ledger_entries(content text, first_one bigint, last_one bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before ledger_links;
    this ledger_links;
BEGIN
    SELECT * INTO before FROM ledger_links ORDER BY number DESC LIMIT 1;
    this.number := coalesce(before.number, 0) + 1;
    this.previous_hash := coalesce(before.hash, decode(repeat('00', 32), 'hex'));
    this.first_position := first_one;
    this.last_position := last_one;
    -- A clock that is set back does not put a later link before an earlier one.
    this.sealed_at := greatest(clock_timestamp(), before.sealed_at);
    this.hash := sha256(convert_to(concat_ws(
        E'\\n', 'myili-ledger-1', this.number, encode(this.previous_hash, 'hex'),
        (extract(epoch FROM this.sealed_at) * 1000000)::bigint, content
    ), 'UTF8'));
    INSERT INTO ledger_links SELECT this.*;
END $$
"""
_POST_ENTRIES = f"""
CREATE OR REPLACE FUNCTION post_ledger_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    posted record;
BEGIN
    IF EXISTS (SELECT FROM written GROUP BY transfer_id HAVING sum(amount_fen) <> 0) THEN
        RAISE EXCEPTION 'the entries of a transfer must sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    {_CONTENT.format(into="INTO STRICT posted", entries="written")};
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
    PERFORM seal_ledger_entries(posted.content, posted.first_one, posted.last_one);
    RETURN NULL;
END $$
"""  # noqa: S608 - nothing but texts of this module
_KEEP_CHAIN = """
CREATE FUNCTION keep_ledger_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Depth 1 is somebody's own statement; the trigger on entries writes at depth 2.
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'a link is what the entries make it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$
"""
_TRIGGERS = (
    # Before accounts are opened as well: whoever waits for another's new account must not hold the chain already.
    """
    CREATE TRIGGER lock_chain BEFORE INSERT ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION lock_ledger_chain()
    """,
    """
    CREATE TRIGGER lock_chain BEFORE INSERT ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION lock_ledger_chain()
    """,
    """
    CREATE TRIGGER keep_chain BEFORE INSERT ON ledger_links
    FOR EACH STATEMENT EXECUTE FUNCTION keep_ledger_chain()
    """,
    *(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
        for table in ("ledger_links", "ledger_anchors")
    ),
)
# What was posted before there was a chain becomes its first link. Those entries were numbered by transactions side by
# side, so that only all of them together are sure to be whole transfers.
_SEAL_WHAT_IS_THERE = f"""
SELECT seal_ledger_entries(content, first_one, last_one)
FROM ({_CONTENT.format(into="", entries="ledger_entries")}) AS posted WHERE content IS NOT NULL
"""  # noqa: S608 - nothing but texts of this module
_POST_ENTRIES_BEFORE = """
CREATE OR REPLACE FUNCTION post_ledger_entries() RETURNS trigger LANGUAGE plpgsql AS $$
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


def upgrade() -> None:
    op.create_table(
        "ledger_links",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_ledger_links_number_positive")),
        sa.CheckConstraint(
            "octet_length(hash) = 32 AND octet_length(previous_hash) = 32", name=op.f("ck_ledger_links_hashes_whole")
        ),
        sa.CheckConstraint("first_position <= last_position", name=op.f("ck_ledger_links_positions_ordered")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_links")),
        sa.UniqueConstraint("last_position", name=op.f("uq_ledger_links_last_position")),
    )
    op.create_index("ix_ledger_links_sealed_at_number", "ledger_links", ["sealed_at", "number"], unique=False)
    op.create_table(
        "ledger_anchors",
        sa.Column("link_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("anchored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["link_number"], ["ledger_links.number"], name=op.f("fk_ledger_anchors_link_number_ledger_links")
        ),
        sa.PrimaryKeyConstraint("link_number", name=op.f("pk_ledger_anchors")),
    )
    # A holder is part of what is hashed, between a space and the end of a line.
    op.create_check_constraint(
        op.f("ck_ledger_accounts_holder_one_word"), "ledger_accounts", "holder ~ '^[!-~]{1,64}$'"
    )
    op.execute("LOCK TABLE ledger_entries, ledger_accounts IN SHARE ROW EXCLUSIVE MODE")
    for statement in (_LOCK_CHAIN, _SEAL, _SEAL_WHAT_IS_THERE, _POST_ENTRIES, _KEEP_CHAIN, *_TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.execute(_POST_ENTRIES_BEFORE)
    for table in ("ledger_accounts", "ledger_entries"):
        op.execute(f"DROP TRIGGER lock_chain ON {table}")
    op.drop_constraint(op.f("ck_ledger_accounts_holder_one_word"), "ledger_accounts", type_="check")
    op.drop_table("ledger_anchors")
    op.drop_index("ix_ledger_links_sealed_at_number", table_name="ledger_links")
    op.drop_table("ledger_links")
    for function in ("seal_ledger_entries", "keep_ledger_chain", "lock_ledger_chain"):
        op.execute(f"DROP FUNCTION {function}")
