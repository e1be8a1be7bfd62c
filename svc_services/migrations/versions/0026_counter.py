"""The one-stop counter: numbers of cases, what clerks take in, and how cases are moved, assigned and extended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_KINDS = (
    *("new_connection", "transfer", "change", "suspension", "resumption", "closure", "fault_report"),
    *("heating_stop", "heating_start", "temperature_visit", "heating_rebate"),
)
_ENDED = ["division_code", "provider_id", "kind", "consumed_days", "workflow_id"]
_SEALED = (
    SealedTable("counter_filings", only="sealed.status = 'filed'"),
    SealedTable("case_routings"),
    SealedTable("case_assignments"),
    SealedTable("case_extensions", key="sealed.application_id::text"),
)
_CASE_NUMBER = """
CREATE FUNCTION pg_temp.case_number(start text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    rest integer := 5;
    digit text;
BEGIN
    FOREACH digit IN ARRAY string_to_array(start, NULL) LOOP
        rest := ((CASE rest WHEN 0 THEN 10 ELSE rest END) * 2 % 11 + digit::integer) % 10;
    END LOOP;
    rest := (12 - (CASE rest WHEN 0 THEN 10 ELSE rest END) * 2 % 11) % 10;
    RETURN concat_ws('-', left(start, 6), substr(start, 7, 6), substr(start, 13, 7), rest);
END $$
"""
_NUMBER_FILED_CASES = """
WITH filed AS (
    SELECT id, division_code, to_char(coalesce(submitted_at, created_at) AT TIME ZONE 'Asia/Shanghai', 'YYMMDD') AS day
    FROM applications WHERE status <> 'draft'
), counted AS (
    SELECT id, day || division_code AS start, row_number() OVER (PARTITION BY day, division_code ORDER BY id) AS place
    FROM filed
)
UPDATE applications SET case_number =
    pg_temp.case_number(counted.start || lpad((counted.place * 7654321 % 10000000)::text, 7, '0'))
FROM counted WHERE counted.id = applications.id
"""


def upgrade() -> None:
    _extend_applications()
    _extend_promise_moves("pause", "calendar", "extension")
    _create_counter_filings()
    _create_counter_filing_materials()
    _create_case_routings()
    _create_case_assignments()
    _create_case_extensions()
    extend_trail(_SEALED)


def downgrade() -> None:
    """Back to the schema before; refused by it once a promise was extended."""
    shorten_trail(_SEALED)
    for table in ("case_extensions", "case_assignments", "case_routings", "counter_filing_materials"):
        op.drop_table(table)
    op.drop_table("counter_filings")
    _extend_promise_moves("pause", "calendar")
    _index_ended(_ENDED)
    op.drop_index("ix_applications_assigned_to", table_name="applications")
    op.drop_index("uq_applications_case_number", table_name="applications")
    for name in ("case_number", "taken_in", "extension"):
        op.drop_constraint(op.f(f"ck_applications_{name}"), "applications", type_="check")
    for name in ("case_number", "counter_division_code", "taken_in_by", "assigned_to", "extended_days"):
        op.drop_column("applications", name)
    op.drop_column("applications", "extended_state")


def _extend_applications() -> None:
    op.add_column("applications", sa.Column("case_number", sa.Text(), nullable=True))
    op.add_column("applications", sa.Column("counter_division_code", sa.Text(), nullable=True))
    op.add_column("applications", sa.Column("taken_in_by", sa.Uuid(), nullable=True))
    op.add_column("applications", sa.Column("assigned_to", sa.Uuid(), nullable=True))
    op.add_column("applications", sa.Column("extended_days", sa.Integer(), server_default="0", nullable=False))
    op.add_column("applications", sa.Column("extended_state", sa.Text(), nullable=True))
    op.alter_column("applications", "extended_days", server_default=None)
    op.create_foreign_key(
        op.f("fk_applications_counter_division_code_divisions"),
        *("applications", "divisions"),
        *(["counter_division_code"], ["code"]),
    )
    op.execute(_CASE_NUMBER)
    op.execute(_NUMBER_FILED_CASES)
    op.create_index("uq_applications_case_number", "applications", ["case_number"], unique=True)
    op.create_index(
        "ix_applications_assigned_to",
        "applications",
        ["assigned_to", "id"],
        postgresql_where=sa.text("status = 'open' AND assigned_to IS NOT NULL"),
    )
    _check("applications", "case_number", "(status = 'draft') = (case_number IS NULL)")
    _check("applications", "taken_in", "(counter_division_code IS NULL) = (taken_in_by IS NULL)")
    _check("applications", "extension", "(extended_days > 0) = (extended_state IS NOT NULL) AND extended_days >= 0")
    _index_ended([*_ENDED, "extended_days"])


def _check(table: str, name: str, rule: str) -> None:
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)


def _index_ended(included: list[str]) -> None:
    op.drop_index("ix_applications_ended", table_name="applications")
    op.create_index(
        "ix_applications_ended",
        "applications",
        ["ended_at"],
        postgresql_where=sa.text("status = 'ended'"),
        postgresql_include=included,
    )


def _extend_promise_moves(*causes: str) -> None:
    name = op.f("ck_application_promise_moves_cause")
    op.drop_constraint(name, "application_promise_moves", type_="check")
    _check("application_promise_moves", "cause", f"cause IN ({', '.join(map(repr, causes))})")


def _create_counter_filings() -> None:
    op.create_table(
        "counter_filings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clerk_id", sa.Uuid(), nullable=False),
        sa.Column("counter_division_code", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=True),
        sa.Column("form", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("offered_until", _TIME, nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("match_number", sa.Text(), nullable=True),
        sa.Column("match_tries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("application_id", sa.Uuid(), nullable=True),
        sa.Column("filed_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("touched_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "status IN ('preparing', 'offered', 'opened', 'admitted', 'filed', 'ended')",
            name=op.f("ck_counter_filings_status"),
        ),
        sa.CheckConstraint(f"kind IN ({', '.join(map(repr, _KINDS))})", name=op.f("ck_counter_filings_kind")),
        sa.CheckConstraint(
            "(status IN ('offered', 'opened', 'admitted')) = (code_hash IS NOT NULL)",
            name=op.f("ck_counter_filings_offered"),
        ),
        sa.CheckConstraint("(status = 'filed') = (application_id IS NOT NULL)", name=op.f("ck_counter_filings_filed")),
        sa.CheckConstraint(
            "status NOT IN ('opened', 'admitted', 'filed') OR person_id <> clerk_id",
            name=op.f("ck_counter_filings_second_person"),
        ),
        sa.ForeignKeyConstraint(
            ["counter_division_code"],
            ["divisions.code"],
            name=op.f("fk_counter_filings_counter_division_code_divisions"),
        ),
        sa.ForeignKeyConstraint(
            ["division_code"], ["divisions.code"], name=op.f("fk_counter_filings_division_code_divisions")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_counter_filings_provider_id_providers")
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_counter_filings_application_id_applications")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counter_filings")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_counter_filings_code_hash")),
        sa.UniqueConstraint("application_id", name=op.f("uq_counter_filings_application_id")),
    )
    op.create_index("ix_counter_filings_clerk_id_id", "counter_filings", ["clerk_id", "id"])
    op.create_index("ix_counter_filings_person_id", "counter_filings", ["person_id"])
    op.create_index(
        "ix_counter_filings_unfiled",
        "counter_filings",
        ["touched_at"],
        postgresql_where=sa.text("status NOT IN ('filed', 'ended')"),
    )


def _create_counter_filing_materials() -> None:
    op.create_table(
        "counter_filing_materials",
        sa.Column("filing_id", sa.Uuid(), nullable=False),
        sa.Column("material_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["filing_id"],
            ["counter_filings.id"],
            name=op.f("fk_counter_filing_materials_filing_id_counter_filings"),
        ),
        sa.ForeignKeyConstraint(
            ["material_id"],
            ["materials.id"],
            name=op.f("fk_counter_filing_materials_material_id_materials"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("filing_id", "material_id", name=op.f("pk_counter_filing_materials")),
        sa.UniqueConstraint("material_id", name=op.f("uq_counter_filing_materials_material_id")),
    )


def _create_case_routings() -> None:
    op.create_table(
        "case_routings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("from_division_code", sa.Text(), nullable=False),
        sa.Column("to_division_code", sa.Text(), nullable=False),
        sa.Column("from_provider_id", sa.Uuid(), nullable=False),
        sa.Column("to_provider_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("routed_by", sa.Uuid(), nullable=False),
        sa.Column("routed_at", _TIME, nullable=False),
        _of_application("case_routings"),
        *(
            sa.ForeignKeyConstraint(
                [f"{end}_division_code"],
                ["divisions.code"],
                name=op.f(f"fk_case_routings_{end}_division_code_divisions"),
            )
            for end in ("from", "to")
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{end}_provider_id"], ["providers.id"], name=op.f(f"fk_case_routings_{end}_provider_id_providers")
            )
            for end in ("from", "to")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_routings")),
    )
    op.create_index("ix_case_routings_application_id_id", "case_routings", ["application_id", "id"])


def _create_case_assignments() -> None:
    op.create_table(
        "case_assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("clerk_id", sa.Uuid(), nullable=True),
        sa.Column("assigned_by", sa.Uuid(), nullable=False),
        sa.Column("assigned_at", _TIME, nullable=False),
        _of_application("case_assignments"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_assignments")),
    )
    op.create_index("ix_case_assignments_application_id_id", "case_assignments", ["application_id", "id"])


def _create_case_extensions() -> None:
    op.create_table(
        "case_extensions",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("extended_by", sa.Uuid(), nullable=False),
        sa.Column("extended_at", _TIME, nullable=False),
        sa.CheckConstraint("days > 0", name=op.f("ck_case_extensions_days")),
        sa.CheckConstraint("actor IN ('operator', 'provider')", name=op.f("ck_case_extensions_actor")),
        _of_application("case_extensions"),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_case_extensions")),
    )


def _of_application(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_application_id_applications")
    return sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=name)
