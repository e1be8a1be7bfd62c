"""Bills in monthly partitions, their life and how they come.

A bill's id begins with its time, so a month of bills is a range of ids. What there is already is moved. A bill's
number stays its provider's own for ever through a table of numbers, which the database fills by itself.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    # RFC 9562, 5.7: the first 48 bits of a UUIDv7 are milliseconds since 1970.
    """
    CREATE FUNCTION first_bill_id(day date) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT RETURN
        (lpad(to_hex((extract(epoch FROM day::timestamp) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
    """,
    # Each month is made beside the table and then attached, which lets bills be read and written meanwhile. A month
    # whose first bills came before its partition stays in the default one: they are referred to and cannot be moved.
    """
    CREATE FUNCTION ensure_bill_partitions(first date, last date) RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE
        month date;
        part text;
        made integer := 0;
    BEGIN
        FOR month IN SELECT generate_series(date_trunc('month', first::timestamp), last, '1 month')::date LOOP
            part := 'bills_' || to_char(month, 'YYYY_MM');
            CONTINUE WHEN to_regclass(part) IS NOT NULL OR EXISTS (
                SELECT FROM bills_default
                WHERE id >= first_bill_id(month) AND id < first_bill_id((month + interval '1 month')::date)
            );
            EXECUTE format(
                'CREATE TABLE %I (LIKE bills INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', part
            );
            EXECUTE format(
                'ALTER TABLE bills ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                part, first_bill_id(month), first_bill_id((month + interval '1 month')::date)
            );
            made := made + 1;
        END LOOP;
        RETURN made;
    END $$
    """,
    """
    CREATE FUNCTION take_bill_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO bill_numbers (provider_id, bill_number, bill_id)
        SELECT provider_id, bill_number, id FROM arrived;
        RETURN NULL;
    END $$
    """,
)

_TRIGGERS = (
    """
    CREATE TRIGGER take_numbers AFTER INSERT ON bills REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION take_bill_numbers()
    """,
    # refuse_change came with the first migration.
    """
    CREATE TRIGGER keep BEFORE DELETE OR TRUNCATE OR UPDATE OF id, provider_id, bill_number ON bills
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bill_numbers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)

_REASONS = (
    "'meter_error', 'court_case', 'arrears_write_off', 'tariff_correction', 'duplicate', 'billing_error', "
    "'account_closed', 'other', 'not_stated', 'past_expiry', 'replaced'"
)
_ROW_REASONS = (
    "'wrong_column_count', 'bad_bill_number', 'bad_account_number', 'bad_account_check_digit', 'bad_period', "
    "'future_period', 'bad_usage', 'bad_amount', 'amount_not_positive', 'amount_too_large', 'bad_due_date', "
    "'bad_meter_reading', 'bad_expiry', 'bad_supersedes', 'bad_reason', 'bad_note', 'duplicate_in_file', "
    "'bill_already_paid', 'bill_partly_paid', 'payment_in_progress', 'bill_void', 'bill_expired', 'bill_superseded', "
    "'bill_number_reserved', 'superseded_unknown', 'superseded_not_due'"
)


def upgrade() -> None:
    references = _references_to_bills()
    _drop(references)
    op.execute("ALTER TABLE bills RENAME TO bills_before")
    op.execute(
        "CREATE TABLE bills (LIKE bills_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id)"
    )
    _life_of_bills()
    op.create_table(
        "bill_numbers",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("bill_number", sa.Text(), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("provider_id", "bill_number", name=op.f("pk_bill_numbers")),
    )
    for statement in _FUNCTIONS:
        op.execute(statement)
    _move_bills()
    for statement in _TRIGGERS:
        op.execute(statement)
    _restore(references)
    _uploads()
    op.add_column("account_bindings", sa.Column("bound_at", sa.DateTime(timezone=True), nullable=True))
    # Of bindings heard of before, the id still says when they were made.
    op.execute("UPDATE account_bindings SET bound_at = uuid_extract_timestamp(binding_id) WHERE role IS NOT NULL")


def _references_to_bills() -> list[tuple[str, str, str]]:
    """Foreign keys to bills, whoever has them: table, name, definition."""
    found = op.get_bind().execute(
        sa.text(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'f' AND confrelid = 'bills'::regclass AND conparentid = 0 ORDER BY 1, 2"
        )
    )
    return [(table, name, definition) for table, name, definition in found]


def _drop(references: list[tuple[str, str, str]]) -> None:
    for table, name, _ in references:
        op.drop_constraint(name, table)


def _restore(references: list[tuple[str, str, str]]) -> None:
    for table, name, definition in references:
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def _life_of_bills() -> None:
    for table in ("bills", "bill_versions"):
        op.alter_column(table, "bill_file_id", nullable=True)
        op.add_column(table, sa.Column("expires_on", sa.Date(), nullable=True))
        op.add_column(table, sa.Column("reason", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("note", sa.Text(), nullable=True))
        op.create_check_constraint(op.f(f"ck_{table}_reason"), table, f"reason IN ({_REASONS})")
    op.add_column("bills", sa.Column("supersedes", sa.Text(), nullable=True))
    op.add_column("bills", sa.Column("superseded_by", sa.Uuid(), nullable=True))
    op.create_check_constraint(
        op.f("ck_bills_superseded_by"), "bills", "(status = 'superseded') = (superseded_by IS NOT NULL)"
    )


def _move_bills() -> None:
    op.execute("INSERT INTO bill_numbers SELECT provider_id, bill_number, id FROM bills_before")
    op.execute("CREATE TABLE bills_default PARTITION OF bills DEFAULT")
    # Months from the oldest bill on, as far as its id can be believed, and half a year ahead.
    op.execute(
        "SELECT ensure_bill_partitions("
        "greatest(least(min(uuid_extract_timestamp(id)), now()), now() - interval '3 years')::date, "
        "(now() + interval '6 months')::date) FROM bills_before"
    )
    columns = ", ".join(
        op.get_bind().scalars(
            sa.text("SELECT quote_ident(column_name) FROM information_schema.columns WHERE table_name = 'bills_before'")
        )
    )
    op.execute(f"INSERT INTO bills ({columns}) SELECT {columns} FROM bills_before")  # noqa: S608 - from the catalogue
    op.drop_table("bills_before")
    op.create_primary_key(op.f("pk_bills"), "bills", ["id"])
    op.create_index("ix_bills_provider_id_account_number_id", "bills", ["provider_id", "account_number", "id"])
    op.create_index(
        "ix_bills_expiring",
        "bills",
        ["expires_on"],
        postgresql_where=sa.text("expires_on IS NOT NULL"),
    )
    op.execute("ANALYZE bills, bill_numbers")


def _uploads() -> None:
    op.create_check_constraint(
        op.f("ck_bill_files_encoding"), "bill_files", "encoding IN ('utf-8', 'utf-8-sig', 'gb18030', 'xlsx')"
    )
    op.create_check_constraint(op.f("ck_refused_rows_reason"), "refused_rows", f"reason IN ({_ROW_REASONS})")


def downgrade() -> None:
    op.drop_column("account_bindings", "bound_at")
    op.drop_constraint(op.f("ck_refused_rows_reason"), "refused_rows")
    op.drop_constraint(op.f("ck_bill_files_encoding"), "bill_files")
    references = _references_to_bills()
    _drop(references)
    op.execute("ALTER TABLE bills RENAME TO bills_by_month")
    op.execute("ALTER INDEX pk_bills RENAME TO pk_bills_by_month")
    op.execute("ALTER INDEX ix_bills_provider_id_account_number_id RENAME TO ix_bills_by_month")
    op.execute("CREATE TABLE bills (LIKE bills_by_month INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    op.execute("INSERT INTO bills SELECT * FROM bills_by_month")
    op.execute("DROP TABLE bills_by_month, bill_numbers")
    for column in ("superseded_by", "supersedes"):
        op.drop_column("bills", column)
    for table in ("bills", "bill_versions"):
        for column in ("note", "reason", "expires_on"):
            op.drop_column(table, column)
        op.alter_column(table, "bill_file_id", nullable=False)
    op.create_primary_key(op.f("pk_bills"), "bills", ["id"])
    op.create_unique_constraint(op.f("uq_bills_provider_id_bill_number"), "bills", ["provider_id", "bill_number"])
    op.create_index("ix_bills_provider_id_account_number_id", "bills", ["provider_id", "account_number", "id"])
    _restore(references)
    for function in ("take_bill_numbers", "ensure_bill_partitions", "first_bill_id"):
        op.execute(f"DROP FUNCTION {function}")
